# Work of 3 s on the gem grpc, for the case `cancel`: `grpc.rb ADDRESS`.
require "grpc"
require_relative "work"

# A message as protoc would make it; it is empty.
class Empty
  def self.encode(_) = ""
  def self.decode(_) = new
end

class Work
  include GRPC::GenericService
  self.service_name = "cancel.Work"
  self.marshal_class_method = :encode
  self.unmarshal_class_method = :decode
  rpc :cancelled, Empty, Empty
  rpc :plain, Empty, Empty
  rpc :write, Empty, stream(Empty)

  def cancelled(_, call)
    work(call.metadata["id"]) { call.cancelled? }
    Empty.new
  end

  # An answer that is a stream.
  def write(_, call)
    Enumerator.new { |messages| written(call.metadata["id"]) { messages << Empty.new } }
  end

  def plain(_, call)
    work(call.metadata["id"])
    Empty.new
  end
end

server = GRPC::RpcServer.new(pool_size: 16)
server.add_http2_port(ARGV[0], :this_port_is_insecure)
server.handle(Work.new)
server.run_till_terminated
