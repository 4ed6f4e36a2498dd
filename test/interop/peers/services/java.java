// A service on the JDK's com.sun.net.httpserver, run from its source: java java.java
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.concurrent.Executors;

class Service {
  static final String PROXY = System.getenv("PROXY");

  public static void main(String[] args) throws IOException {
    // The JDK holds back the last packet of an answer for 40 ms unless it is told otherwise.
    System.setProperty("sun.net.httpserver.nodelay", "true");
    var server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(System.getenv("PORT"))), 128);
    server.createContext("/hello", ex -> answer(ex, "java hello\n".getBytes()));
    server.createContext("/echo", ex -> answer(ex, ex.getRequestBody().readAllBytes()));
    server.createContext("/chunks", Service::chunks);
    server.createContext("/call", Service::call);
    server.setExecutor(Executors.newFixedThreadPool(32));
    server.start();
  }

  static void answer(HttpExchange ex, byte[] body) throws IOException {
    var head = ex.getRequestMethod().equals("HEAD");
    ex.sendResponseHeaders(200, head || body.length == 0 ? -1 : body.length);
    if (!head && body.length > 0) ex.getResponseBody().write(body);
    ex.close();
  }

  static void chunks(HttpExchange ex) throws IOException {
    ex.sendResponseHeaders(200, 0); // 0 means chunked
    for (var i = 0; i < 10; i++) {
      ex.getResponseBody().write(("chunk " + i + "\n").getBytes());
      ex.getResponseBody().flush();
    }
    ex.close();
  }

  /** Asks users through the proxy. The contract with applications: copy the l5d-ctx-* headers. */
  static void call(HttpExchange ex) throws IOException {
    // This client does not let us set Host, so fairlead is asked as the proxy that it is.
    var request = HttpRequest.newBuilder(URI.create("http://users/hello"));
    ex.getRequestHeaders().forEach((name, values) -> {
      if (name.toLowerCase().startsWith("l5d-ctx-")) values.forEach(value -> request.header(name, value));
    });
    var address = PROXY.split(":");
    var client = HttpClient.newBuilder()
        .proxy(java.net.ProxySelector.of(new InetSocketAddress(address[0], Integer.parseInt(address[1]))))
        .build();
    try {
      answer(ex, ("java > " + client.send(request.build(), BodyHandlers.ofString()).body()).getBytes());
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
  }
}
