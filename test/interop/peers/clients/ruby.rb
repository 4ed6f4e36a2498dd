# Ruby's Net::HTTP through fairlead. Prints "ok NAME" or "not ok NAME: why" for each check, and at the end how many there were.
require "net/http"
require "stringio"

PROXY = ENV.fetch("FAIRLEAD").split(":")
USERS = { "Host" => "users" }.freeze
LARGE = "0123456789" * 200_000

def expect(got, wanted)
  raise "got #{got.inspect[0, 80]}, wanted #{wanted.inspect[0, 80]}" unless got == wanted
end

CHECKS = {
  "asks 200 times over one kept connection" => lambda do
    Net::HTTP.start(*PROXY) do |http|
      200.times { expect(http.get("/hello", USERS).body, "users hello\n") }
    end
  end,

  "asks for a head, then for no content, then for chunks, over one connection" => lambda do
    Net::HTTP.start(*PROXY) do |http|
      expect(http.head("/chunks", USERS).code, "200")
      expect(http.get("/nothing", USERS).code, "204")
      expect(http.get("/chunks", USERS).body.lines.size, 10)
    end
  end,

  "sends a body with a length and one in chunks" => lambda do
    Net::HTTP.start(*PROXY) do |http|
      expect(http.post("/echo", LARGE, USERS).body == LARGE, true)
      chunked = Net::HTTP::Post.new("/echo", USERS.merge("Transfer-Encoding" => "chunked"))
      chunked.body_stream = StringIO.new(LARGE)
      expect(http.request(chunked).body == LARGE, true)
    end
  end,

  "waits for 100 Continue before it sends a body" => lambda do
    Net::HTTP.start(*PROXY) do |http|
      http.continue_timeout = 10
      patient = Net::HTTP::Post.new("/echo", USERS.merge("Expect" => "100-continue"))
      patient.body = LARGE
      expect(http.request(patient).body == LARGE, true)
    end
  end,

  "asks through it as forward proxy" => lambda do
    Net::HTTP.start("users", 80, *PROXY) { |http| expect(http.get("/hello").body, "users hello\n") }
  end
}.freeze

CHECKS.each do |name, check|
  check.call
  puts "ok #{name}"
rescue StandardError => e
  puts "not ok #{name}: #{e.message}"
end
puts "#{CHECKS.size} checks"
