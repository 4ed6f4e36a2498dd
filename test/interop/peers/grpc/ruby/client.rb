# gRPC in Ruby: `client.rb GENERATED ADDRESS CASE...` runs interop cases against a service and says how each went.
generated, address, *names = ARGV
$LOAD_PATH.unshift(generated)
require "grpc"
require "interop_pb"

include Grpc::Testing

class TestService
  include GRPC::GenericService
  self.marshal_class_method = :encode
  self.unmarshal_class_method = :decode
  self.service_name = "grpc.testing.TestService"
  rpc :EmptyCall, Empty, Empty
  rpc :UnaryCall, SimpleRequest, SimpleResponse
  rpc :StreamingOutputCall, StreamingOutputCallRequest, stream(StreamingOutputCallResponse)
  rpc :StreamingInputCall, stream(StreamingInputCallRequest), StreamingInputCallResponse
  rpc :FullDuplexCall, stream(StreamingOutputCallRequest), stream(StreamingOutputCallResponse)
  rpc :UnimplementedCall, Empty, Empty
end

class UnimplementedService
  include GRPC::GenericService
  self.marshal_class_method = :encode
  self.unmarshal_class_method = :decode
  self.service_name = "grpc.testing.UnimplementedService"
  rpc :UnimplementedCall, Empty, Empty
end

REQUEST_SIZES = [27182, 8, 1828, 45904]
ANSWER_SIZES = [31415, 9, 2653, 58979]
INITIAL = ["x-grpc-test-echo-initial", "test_initial_metadata_value"]
TRAILING = ["x-grpc-test-echo-trailing-bin", "\x0a\x0b\x0a\x0b\x0a\x0b".b]
FAILURE = EchoStatus.new(code: 2, message: "test status message")
SPECIAL = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"

def patience = Time.now + 20

def zeros(size) = Payload.new(body: ("\0" * size).b)

def output(size, request_size = 0, interval_us = 0)
  asked = ResponseParameters.new(size: size, interval_us: interval_us)
  StreamingOutputCallRequest.new(response_parameters: [asked], payload: zeros(request_size))
end

def expect(got, wanted)
  raise "#{got.inspect[0, 200]} is not #{wanted.inspect[0, 200]}" unless got == wanted
end

def expect_failure(error, details = nil)
  yield
rescue error => failure
  expect(failure.details.dup.force_encoding("UTF-8"), details) if details
else
  raise "it did not fail"
end

def sizes(answers) = answers.map { |answer| answer.payload.body.bytesize }

# Requests that go on after the given ones until a case is over.
def held_open(*first)
  Enumerator.new do |requests|
    first.each { |request| requests << request }
    sleep 0.4
  end
end

CASES = {
  empty_unary: ->(stub) { expect(stub.empty_call(Empty.new, deadline: patience), Empty.new) },
  large_unary: lambda do |stub|
    request = SimpleRequest.new(response_size: 314159, payload: zeros(271828))
    expect(stub.unary_call(request, deadline: patience).payload.body.bytesize, 314159)
  end,
  client_streaming: lambda do |stub|
    requests = REQUEST_SIZES.map { |size| StreamingInputCallRequest.new(payload: zeros(size)) }
    expect(stub.streaming_input_call(requests, deadline: patience).aggregated_payload_size, 74922)
  end,
  server_streaming: lambda do |stub|
    asked = ANSWER_SIZES.map { |size| ResponseParameters.new(size: size) }
    request = StreamingOutputCallRequest.new(response_parameters: asked)
    expect(sizes(stub.streaming_output_call(request, deadline: patience)), ANSWER_SIZES)
  end,
  ping_pong: lambda do |stub|
    turn = Queue.new
    requests = Enumerator.new do |sent|
      ANSWER_SIZES.zip(REQUEST_SIZES).each do |size, request_size|
        sent << output(size, request_size)
        turn.pop
      end
    end
    answers = stub.full_duplex_call(requests, deadline: patience)
    expect(sizes(answers.each.lazy.map { |answer| answer.tap { turn << true } }.to_a), ANSWER_SIZES)
  end,
  empty_stream: ->(stub) { expect(sizes(stub.full_duplex_call([], deadline: patience).to_a), []) },
  cancel_after_begin: lambda do |stub|
    call = stub.streaming_input_call(held_open, deadline: patience, return_op: true)
    canceller = Thread.new { sleep 0.05; call.cancel }
    expect_failure(GRPC::Cancelled) { call.execute }
    canceller.join
  end,
  cancel_after_first_response: lambda do |stub|
    call = stub.full_duplex_call(held_open(output(31415, 27182)), deadline: patience, return_op: true)
    got = 0
    expect_failure(GRPC::Cancelled) do
      call.execute.each do
        got += 1
        call.cancel
      end
    end
    expect(got, 1)
  end,
  timeout_on_sleeping_server: lambda do |stub|
    # The connection stands already, so that it is the call that times out.
    stub.empty_call(Empty.new, deadline: patience)
    requests = held_open(output(31415, 27182, 1_000_000))
    expect_failure(GRPC::DeadlineExceeded) { stub.full_duplex_call(requests, deadline: Time.now + 0.05).to_a }
  end,
  status_code_and_message: lambda do |stub|
    unary = SimpleRequest.new(response_status: FAILURE)
    expect_failure(GRPC::Unknown, FAILURE.message) { stub.unary_call(unary, deadline: patience) }
    stream = [StreamingOutputCallRequest.new(response_status: FAILURE)]
    expect_failure(GRPC::Unknown, FAILURE.message) { stub.full_duplex_call(stream, deadline: patience).to_a }
  end,
  special_status_message: lambda do |stub|
    request = SimpleRequest.new(response_status: EchoStatus.new(code: 2, message: SPECIAL))
    expect_failure(GRPC::Unknown, SPECIAL) { stub.unary_call(request, deadline: patience) }
  end,
  custom_metadata: lambda do |stub|
    metadata = [INITIAL, TRAILING].to_h
    unary = SimpleRequest.new(response_size: 1, payload: zeros(1))
    first = stub.unary_call(unary, metadata: metadata, deadline: patience, return_op: true)
    first.execute
    second = stub.full_duplex_call([output(1, 1)], metadata: metadata, deadline: patience, return_op: true)
    expect(sizes(second.execute.to_a), [1])
    [first, second].each do |call|
      expect(call.metadata[INITIAL[0]], INITIAL[1])
      expect(call.trailing_metadata[TRAILING[0]], TRAILING[1])
    end
  end,
  unimplemented_method: lambda do |stub|
    expect_failure(GRPC::Unimplemented) { stub.unimplemented_call(Empty.new, deadline: patience) }
  end,
  unimplemented_service: lambda do |_|
    stub = UnimplementedService.rpc_stub_class.new(address, :this_channel_is_insecure)
    expect_failure(GRPC::Unimplemented) { stub.unimplemented_call(Empty.new, deadline: patience) }
  end,
  rpc_soak: lambda do |stub|
    request = SimpleRequest.new(response_size: 10_000, payload: zeros(10_000))
    work = -> { 50.times { expect(stub.unary_call(request, deadline: patience).payload.body.bytesize, 10_000) } }
    threads = Array.new(4) { Thread.new(&work) }
    threads.each { |thread| thread.report_on_exception = false }
    threads.each(&:join)
  end,
}.freeze

names.each do |name|
  CASES.fetch(name.to_sym).call(TestService.rpc_stub_class.new(address, :this_channel_is_insecure))
  puts "ok #{name}"
rescue StandardError => error
  puts "not ok #{name}: #{error.class} #{error.message.split.join(' ')[0, 500]}"
end
puts "#{names.size} checks"
