# Asks the service users, with Net::HTTP. Arguments are further header fields.
require "net/http"

fields = ARGV.to_h { |field| field.split(": ", 2) }
answer = Net::HTTP.get_response(URI("http://users/"), fields)
abort("#{answer.code} #{answer.message}") unless answer.is_a?(Net::HTTPSuccess)
print answer.body
