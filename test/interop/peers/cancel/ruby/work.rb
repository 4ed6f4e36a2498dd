# 60 steps of 50 ms, or fewer when nobody wants it any more.
def say(id, what)
  $stdout.syswrite("#{id} #{what} #{Process.clock_gettime(Process::CLOCK_REALTIME, :millisecond)}\n")
end

# The block is asked at each step whether anybody still wants it.
def work(id)
  say(id, "begun")
  60.times do
    if block_given? && yield
      say(id, "told")
      break
    end
    sleep 0.05
  end
ensure
  say(id, "ended")
end

# Gives the block a piece of the answer at each step. That it does not come back tells that nobody takes them.
def written(id)
  finished = false
  say(id, "begun")
  60.times do
    yield "."
    sleep 0.05
  end
  finished = true
ensure
  say(id, "told") unless finished
  say(id, "ended")
end

# Has the caller closed this connection? Looks, and takes nothing out of it.
def gone?(connection)
  seen = connection.recv_nonblock(1, Socket::MSG_PEEK, exception: false)
  seen.nil? || seen == ""
rescue SystemCallError
  true
end
