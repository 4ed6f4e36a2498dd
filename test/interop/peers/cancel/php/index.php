<?php
// Work of 3 s in PHP, for the case `cancel`: 60 steps of 50 ms.

$id = $_GET['id'];
$way = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);

function say(string $what): void
{
    global $id;
    file_put_contents('php://stderr', "$id $what " . (int) (microtime(true) * 1000) . "\n");
}

// PHP ends a script by itself at the first output that nobody takes; what it registered is still called.
register_shutdown_function(function () {
    global $step;
    if ($step < 60) say('told');
    say('ended');
});

ignore_user_abort($way === '/aborted');
while (ob_get_level() > 0) ob_end_clean();
say('begun');
for ($step = 0; $step < 60; $step++) {
    usleep(50_000);
    if ($way === '/plain') continue;
    echo '.';
    flush();
    if (connection_aborted()) break; // not reached unless aborts are ignored
}
if ($way === '/plain') echo "done\n";
