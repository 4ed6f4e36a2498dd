<?php
// A service in PHP, run by PHP's built-in server: php -S 127.0.0.1:PORT php.php
// It answers HTTP/1.1 without a length and closes the connection after each answer.

$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
header('Content-Type: text/plain');

switch ($path) {
    case '/hello':
        echo "php hello\n";
        break;
    case '/echo':
        echo file_get_contents('php://input');
        break;
    case '/chunks':
        for ($i = 0; $i < 10; $i++) {
            echo "chunk $i\n";
            flush();
        }
        break;
    case '/call':
        echo 'php > ' . call_users();
        break;
    default:
        http_response_code(404);
}

/** Asks users through the proxy. The contract with applications: copy the l5d-ctx-* headers. */
function call_users(): string
{
    $headers = ['Host: users'];
    foreach (getallheaders() as $name => $value) {
        if (str_starts_with(strtolower($name), 'l5d-ctx-')) $headers[] = "$name: $value";
    }
    $request = curl_init('http://' . getenv('PROXY') . '/hello');
    curl_setopt_array($request, [CURLOPT_RETURNTRANSFER => true, CURLOPT_HTTPHEADER => $headers]);
    return curl_exec($request);
}
