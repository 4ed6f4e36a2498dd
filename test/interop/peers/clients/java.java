// Java's java.net.http through fairlead, run from its source. Prints "ok NAME" or "not ok NAME: why" for each check, and at
// the end how many there were.
import java.io.ByteArrayInputStream;
import java.net.InetSocketAddress;
import java.net.ProxySelector;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.concurrent.CompletableFuture;

class Client {
  interface Check {
    void run() throws Exception;
  }

  static final String[] ADDRESS = System.getenv("FAIRLEAD").split(":");
  static final byte[] LARGE = "0123456789".repeat(200_000).getBytes();
  // This client does not let us set Host, so fairlead is asked as the proxy that it is.
  static final ProxySelector PROXY =
      ProxySelector.of(new InetSocketAddress(ADDRESS[0], Integer.parseInt(ADDRESS[1])));

  public static void main(String[] args) {
    var checks = new LinkedHashMap<String, Check>();
    checks.put("asks 200 times over kept connections", () -> {
      var client = http1();
      for (var i = 0; i < 200; i++) expect(get(client, "/hello"), "users hello\n");
    });
    checks.put("offers an upgrade to HTTP/2, as it does by default, and is answered in HTTP/1.1", () -> {
      var client = HttpClient.newBuilder().proxy(PROXY).build();
      for (var i = 0; i < 20; i++) expect(get(client, "/hello"), "users hello\n");
    });
    checks.put("asks 50 at once", () -> {
      var client = http1();
      var answers = new ArrayList<CompletableFuture<String>>();
      for (var i = 0; i < 50; i++)
        answers.add(client.sendAsync(to("/hello").build(), BodyHandlers.ofString()).thenApply(answer -> answer.body()));
      for (var answer : answers) expect(answer.get(), "users hello\n");
    });
    checks.put("sends a body with a length and one in chunks", () -> {
      var client = http1();
      for (var body : new HttpRequest.BodyPublisher[] {
        BodyPublishers.ofByteArray(LARGE), BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(LARGE))
      }) expect(client.send(to("/echo").POST(body).build(), BodyHandlers.ofString()).body(), new String(LARGE));
    });
    checks.put("waits for 100 Continue before it sends a body", () -> {
      var request = to("/echo").expectContinue(true).POST(BodyPublishers.ofByteArray(LARGE)).build();
      expect(http1().send(request, BodyHandlers.ofString()).body(), new String(LARGE));
    });
    checks.forEach((name, check) -> {
      try {
        check.run();
        System.out.println("ok " + name);
      } catch (Exception | AssertionError problem) {
        System.out.println("not ok " + name + ": " + problem);
      }
    });
    System.out.println(checks.size() + " checks");
    System.exit(0);
  }

  static HttpClient http1() {
    return HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).proxy(PROXY).build();
  }

  static HttpRequest.Builder to(String path) {
    return HttpRequest.newBuilder(URI.create("http://users" + path));
  }

  static String get(HttpClient client, String path) throws Exception {
    return client.send(to(path).build(), BodyHandlers.ofString()).body();
  }

  static void expect(String got, String wanted) {
    if (!got.equals(wanted)) throw new AssertionError("got " + got.length() + " bytes, wanted " + wanted.length());
  }
}
