import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpVersion;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Work of 3 s on Netty, in threads of its own, for the case `cancel`: Netty PORT. */
class Netty {
  public static void main(String[] args) throws Exception {
    var group = new NioEventLoopGroup();
    new ServerBootstrap().group(group).channel(NioServerSocketChannel.class)
        .childHandler(new ChannelInitializer<SocketChannel>() {
          @Override
          protected void initChannel(SocketChannel channel) {
            channel.pipeline().addLast(new HttpServerCodec(), new HttpObjectAggregator(65_536), new Handler());
          }
        })
        .bind("127.0.0.1", Integer.parseInt(args[0])).sync();
  }

  static class Handler extends SimpleChannelInboundHandler<FullHttpRequest> {
    private volatile boolean inactive;

    @Override
    protected void channelRead0(ChannelHandlerContext context, FullHttpRequest request) {
      var looks = request.uri().startsWith("/inactive");
      var id = request.uri().split("id=")[1];
      Threads.of.execute(() -> {
        Work.work(id, () -> looks && inactive);
        var answer = new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.OK);
        context.writeAndFlush(answer).addListener(ChannelFutureListener.CLOSE);
      });
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
      inactive = true;
    }
  }

  static class Threads {
    static final java.util.concurrent.ExecutorService of = Executors.newFixedThreadPool(16);
  }
}
