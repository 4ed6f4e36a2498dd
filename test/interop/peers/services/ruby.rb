# A service on WEBrick.
require "net/http"
require "webrick"

PROXY = ENV.fetch("PROXY")

server = WEBrick::HTTPServer.new(
  BindAddress: "127.0.0.1", Port: ENV.fetch("PORT").to_i, AccessLog: [], Logger: WEBrick::Log.new(File::NULL)
)
server.mount_proc("/hello") { |_, res| res.body = "ruby hello\n" }
server.mount_proc("/echo") { |req, res| res.body = req.body.to_s }
server.mount_proc("/chunks") do |_, res|
  res.chunked = true
  res.body = proc { |out| 10.times { |i| out.write("chunk #{i}\n") } }
end

# Asks users through the proxy. The contract with applications: copy the l5d-ctx-* headers.
server.mount_proc("/call") do |req, res|
  onward = Net::HTTP::Get.new("/hello", "Host" => "users")
  req.each { |name, value| onward[name] = value if name.start_with?("l5d-ctx-") }
  users = Net::HTTP.start(*PROXY.split(":")) { |http| http.request(onward) }
  res.body = "ruby > #{users.body}"
end

trap("TERM") { server.shutdown }
server.start
