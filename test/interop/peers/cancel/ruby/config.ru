# Work of 3 s as a Rack application on Puma, for the case `cancel`.
require_relative "work"

class Pieces
  def initialize(id) = @id = id
  def each(&piece) = written(@id, &piece)
end

run lambda { |env|
  id = env["QUERY_STRING"].delete_prefix("id=")
  return [200, {}, Pieces.new(id)] if env["PATH_INFO"] == "/write"

  looks = env["PATH_INFO"] == "/peek"
  work(id) { looks && gone?(env["puma.socket"]) }
  [200, {}, ["done\n"]]
}
