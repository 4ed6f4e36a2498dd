<?php
// Asks the service users, with PHP's curl extension. Arguments are further header fields.
$request = curl_init('http://users/');
curl_setopt($request, CURLOPT_HTTPHEADER, array_slice($argv, 1));
curl_setopt($request, CURLOPT_FAILONERROR, true);
exit(curl_exec($request) ? 0 : 1);
