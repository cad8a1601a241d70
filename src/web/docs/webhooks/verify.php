<?php
// A webhook endpoint that verifies what it gets. PHP 8 or later, nothing to install.
//
//     WEBHOOK_SECRET=whsec_... php -S 127.0.0.1:8000 verify.php

declare(strict_types=1);

const TOLERANCE_SECONDS = 5 * 60;

/** The message is not from the gateway, was changed on its way, or is old. */
class Unverified extends Exception
{
}

/** Gives the event. $body is the bytes as they came, before any parser saw them. */
function verify(string $secret, array $server, string $body): array
{
    $id = $server['HTTP_WEBHOOK_ID'] ?? '';
    $timestamp = $server['HTTP_WEBHOOK_TIMESTAMP'] ?? '';
    if ($id === '' || !ctype_digit($timestamp)) {
        throw new Unverified('headers are missing');
    }
    // An old message that is sent again is refused, whoever sends it.
    if (abs(time() - (int) $timestamp) > TOLERANCE_SECONDS) {
        throw new Unverified('the timestamp is too far from now');
    }
    $key = str_starts_with($secret, 'whsec_') ? base64_decode(substr($secret, 6), true) : false;
    if ($key === false) {
        throw new InvalidArgumentException('a secret is whsec_ and base64');
    }
    $expected = base64_encode(hash_hmac('sha256', "$id.$timestamp.$body", $key, true));
    // During a rotation there are two signatures, and one of them is of the secret known here.
    foreach (explode(' ', $server['HTTP_WEBHOOK_SIGNATURE'] ?? '') as $signature) {
        [$version, $value] = explode(',', $signature, 2) + ['', ''];
        // Not ===, whose time would tell how much of a guess is right.
        if ($version === 'v1' && hash_equals($expected, $value)) {
            return json_decode($body, true, 512, JSON_THROW_ON_ERROR | JSON_BIGINT_AS_STRING);
        }
    }
    throw new Unverified('no signature fits');
}

try {
    $event = verify((string) getenv('WEBHOOK_SECRET'), $_SERVER, (string) file_get_contents('php://input'));
    // Put it into a queue here, and leave out ids that were seen before: a message may come twice.
    error_log("{$_SERVER['HTTP_WEBHOOK_ID']} {$event['type']} {$event['sequence']}");
    http_response_code(204);
} catch (Unverified $why) {
    http_response_code(401);
}
