<?php
// PHP's clients through fairlead. Prints "ok NAME" or "not ok NAME: why" for each check, and at the end how many there were.

$proxy = getenv('FAIRLEAD');
$checks = [];

$checks['asks 500 times, a new connection for each request'] = function () {
    for ($i = 0; $i < 500; $i++) {
        $request = request('/hello', [CURLOPT_FORBID_REUSE => true, CURLOPT_FRESH_CONNECT => true]);
        expect(curl_exec($request), "users hello\n");
        expect(curl_getinfo($request, CURLINFO_NUM_CONNECTS), 1);
    }
};

$checks['asks 200 times over one kept connection'] = function () {
    $request = request('/hello');
    $connects = 0;
    for ($i = 0; $i < 200; $i++) {
        expect(curl_exec($request), "users hello\n");
        $connects += curl_getinfo($request, CURLINFO_NUM_CONNECTS);
    }
    expect($connects, 1);
};

$checks['asks 50 at once with curl_multi'] = function () {
    $multi = curl_multi_init();
    $requests = array_map(fn ($i) => request("/hello?$i"), range(1, 50));
    foreach ($requests as $request) curl_multi_add_handle($multi, $request);
    do {
        curl_multi_exec($multi, $running);
        curl_multi_select($multi, 0.1);
    } while ($running > 0);
    foreach ($requests as $request) expect(curl_multi_getcontent($request), "users hello\n");
};

$checks['posts a form and a large body'] = function () {
    expect(curl_exec(request('/echo', [CURLOPT_POSTFIELDS => 'a=1&b=2'])), 'a=1&b=2');
    $large = str_repeat('0123456789', 200_000);
    expect(md5(curl_exec(request('/echo', [CURLOPT_POSTFIELDS => $large]))), md5($large));
};

$checks['reads a page with file_get_contents, in HTTP/1.0 and 1.1'] = function () use ($proxy) {
    foreach ([1.0, 1.1] as $version) {
        $options = ['protocol_version' => $version, 'header' => "Host: users\r\nConnection: close"];
        $context = stream_context_create(['http' => $options]);
        expect(file_get_contents("http://$proxy/chunks", false, $context), lines());
    }
};

$checks['sees the status and cause of a name that does not exist'] = function () use ($proxy) {
    $request = curl_init("http://$proxy/");
    curl_setopt_array($request, [CURLOPT_RETURNTRANSFER => true, CURLOPT_HEADER => true, CURLOPT_HTTPHEADER => ['Host: nobody']]);
    $answer = curl_exec($request);
    expect(curl_getinfo($request, CURLINFO_RESPONSE_CODE), 502);
    expect(str_contains($answer, "\nl5d-err: "), true);
};

function request(string $path, array $options = []): CurlHandle
{
    $request = curl_init('http://' . getenv('FAIRLEAD') . $path);
    curl_setopt_array($request, [CURLOPT_RETURNTRANSFER => true, CURLOPT_HTTPHEADER => ['Host: users']] + $options);
    return $request;
}

function lines(): string
{
    return implode('', array_map(fn ($i) => "chunk $i\n", range(0, 9)));
}

function expect(mixed $got, mixed $wanted): void
{
    if ($got !== $wanted) throw new Exception('got ' . json_encode($got) . ', wanted ' . json_encode($wanted));
}

foreach ($checks as $name => $check) {
    try {
        $check();
        echo "ok $name\n";
    } catch (Throwable $problem) {
        echo "not ok $name: {$problem->getMessage()}\n";
    }
}
echo count($checks), " checks\n";
