import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.concurrent.Executors;

/** Work of 3 s on the JDK's com.sun.net.httpserver, for the case `cancel`: Jdk PORT. */
class Jdk {
  public static void main(String[] args) throws IOException {
    var server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(args[0])), 128);
    server.createContext("/write", ex -> {
      ex.sendResponseHeaders(200, 0); // 0 means chunked
      Work.work(id(ex), () -> {
        ex.getResponseBody().write('.');
        ex.getResponseBody().flush();
        return false;
      });
      ex.close();
    });
    server.createContext("/plain", ex -> {
      Work.work(id(ex), () -> false);
      ex.sendResponseHeaders(200, -1);
      ex.close();
    });
    server.setExecutor(Executors.newFixedThreadPool(16));
    server.start();
  }

  static String id(HttpExchange ex) {
    return ex.getRequestURI().getQuery().substring("id=".length());
  }
}
