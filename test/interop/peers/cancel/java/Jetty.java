import java.io.IOException;
import java.net.InetSocketAddress;
import javax.servlet.http.HttpServlet;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.servlet.ServletContextHandler;
import org.eclipse.jetty.servlet.ServletHolder;

/** Work of 3 s as a servlet on Jetty, for the case `cancel`: Jetty PORT. */
class Jetty {
  public static void main(String[] args) throws Exception {
    var server = new Server(new InetSocketAddress("127.0.0.1", Integer.parseInt(args[0])));
    var context = new ServletContextHandler(server, "/");
    context.addServlet(new ServletHolder(new Writes()), "/write");
    context.addServlet(new ServletHolder(new Plain()), "/plain");
    server.start();
  }

  static class Writes extends HttpServlet {
    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) {
      Work.work(request.getParameter("id"), () -> {
        response.getOutputStream().write('.');
        response.flushBuffer();
        return false;
      });
    }
  }

  static class Plain extends HttpServlet {
    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
      Work.work(request.getParameter("id"), () -> false);
      response.getOutputStream().print("done\n");
    }
  }
}
