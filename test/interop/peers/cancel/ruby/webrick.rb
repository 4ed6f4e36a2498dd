# Work of 3 s on WEBrick, for the case `cancel`: `webrick.rb PORT`.
require "webrick"
require_relative "work"

server = WEBrick::HTTPServer.new(
  BindAddress: "127.0.0.1", Port: ARGV[0].to_i, AccessLog: [], Logger: WEBrick::Log.new(File::NULL)
)
server.mount_proc("/write") do |req, res|
  res.chunked = true
  res.body = proc { |out| written(req.query["id"]) { |piece| out.write(piece) } }
end
server.mount_proc("/plain") do |req, res|
  work(req.query["id"])
  res.body = "done\n"
end
trap("TERM") { server.shutdown }
server.start
