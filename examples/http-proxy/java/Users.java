// Asks the service users, with java.net.http. Arguments are further header fields.
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;

public class Users {
    public static void main(String[] arguments) throws Exception {
        var request = HttpRequest.newBuilder(URI.create("http://users/"));
        for (var field : arguments) {
            var parts = field.split(": ", 2);
            request.header(parts[0], parts[1]);
        }
        var answer = HttpClient.newHttpClient().send(request.build(), BodyHandlers.ofString());
        if (answer.statusCode() != 200) throw new Exception("status " + answer.statusCode());
        System.out.print(answer.body());
    }
}
