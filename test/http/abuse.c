/*
 * What attackers send: messages that could be read in two ways, paths that lead elsewhere, bodies
 * that cost more than they weigh. Each has the answer that it must have, all at once and byte by
 * byte, and the server goes on.
 */
#include "http.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const struct framing cases[] = {
    /* ---- smuggling ---- */
    {"smuggling: a transfer coding that is folded",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nTransfer-Encoding:\r\n "
     "chunked\r\n\r\n0\r\n\r\n",
     "400x", 0},
    {"smuggling: a blank before the colon of a transfer coding",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nTransfer-Encoding : "
     "chunked\r\n\r\n0\r\n\r\n",
     "400x", 0},
    {"smuggling: a transfer coding with a form feed",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nTransfer-Encoding: "
     "chunked\014\r\n\r\n0\r\n\r\n",
     "400x", 0},
    {"smuggling: a transfer coding in quotes",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nTransfer-Encoding: "
     "\"chunked\"\r\n\r\n0\r\n\r\n",
     "400x", 0},
    {"smuggling: a transfer coding with a parameter",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nTransfer-Encoding: "
     "chunked;q=1\r\n\r\n0\r\n\r\n",
     "400x", 0},
    {"smuggling: an empty transfer coding",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: "
     "application/json\r\nTransfer-Encoding:\r\n\r\n0\r\n\r\n",
     "400x", 0},
    {"smuggling: a comma before chunked",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nTransfer-Encoding: "
     ",chunked\r\n\r\n0\r\n\r\n",
     "400x", 0},
    {"smuggling: a field that is only like a transfer coding",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nTransfer_Encoding: "
     "chunked\r\nContent-Length: 13\r\n\r\n{\"title\":\"a\"}GET /Dog HTTP/1.1\r\nHost: t\r\n\r\n",
     "204 200", 0},
    {"smuggling: a transfer coding behind another field's line end",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nX: "
     "y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     "400x", 0},
    {"smuggling: lengths in two letter cases",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: "
     "13\r\ncontent-length: 13\r\n\r\n{\"title\":\"a\"}",
     "400x", 0},
    {"smuggling: a length with a semicolon",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: "
     "13;\r\n\r\n{\"title\":\"a\"}",
     "400x", 0},
    {"smuggling: a length with an exponent",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: "
     "1e1\r\n\r\n{\"title\":\"a\"}",
     "400x", 0},
    {"smuggling: a length with a point",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: "
     "13.0\r\n\r\n{\"title\":\"a\"}",
     "400x", 0},
    {"smuggling: a length in quotes",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: "
     "\"13\"\r\n\r\n{\"title\":\"a\"}",
     "400x", 0},
    {"smuggling: a length with an underscore",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: "
     "1_3\r\n\r\n{\"title\":\"a\"}",
     "400x", 0},
    {"smuggling: a length in other digits",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: "
     "\331\241\331\243\r\n\r\n{\"title\":\"a\"}",
     "400x", 0},
    {"smuggling: a length that wraps 64 bits",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: "
     "18446744073709551629\r\n\r\n{\"title\":\"a\"}",
     "400x", 0},
    {"smuggling: a length that wraps 32 bits",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: "
     "4294967309\r\n\r\n{\"title\":\"a\"}",
     "413x", 0},
    {"smuggling: a length in a trailer",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nTransfer-Encoding: "
     "chunked\r\n\r\nd\r\n{\"title\":\"a\"}\r\n0\r\nContent-Length: 5\r\n\r\nGET /Dog "
     "HTTP/1.1\r\nHost: t\r\n\r\n",
     "204 200", 0},
    {"smuggling: a transfer coding in a trailer",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nTransfer-Encoding: "
     "chunked\r\n\r\nd\r\n{\"title\":\"a\"}\r\n0\r\nTransfer-Encoding: chunked\r\n\r\nGET /Dog "
     "HTTP/1.1\r\nHost: t\r\n\r\n",
     "204 200", 0},
    {"smuggling: a host in a trailer",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nTransfer-Encoding: "
     "chunked\r\n\r\nd\r\n{\"title\":\"a\"}\r\n0\r\nHost: evil\r\n\r\nGET /Dog HTTP/1.1\r\nHost: "
     "t\r\n\r\n",
     "204 200", 0},
    {"smuggling: a folded trailer",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nTransfer-Encoding: "
     "chunked\r\n\r\nd\r\n{\"title\":\"a\"}\r\n0\r\nX: y\r\n z\r\n\r\nGET /Dog HTTP/1.1\r\nHost: "
     "t\r\n\r\n",
     "400x", 0},
    {"smuggling: NUL in a trailer",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nTransfer-Encoding: "
     "chunked\r\n\r\nd\r\n{\"title\":\"a\"}\r\n0\r\nX: \000\r\n\r\nGET /Dog HTTP/1.1\r\nHost: "
     "t\r\n\r\n",
     "400x", 152},
    {"smuggling: LF alone ends the trailer",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nTransfer-Encoding: "
     "chunked\r\n\r\nd\r\n{\"title\":\"a\"}\r\n0\r\n\nGET /Dog HTTP/1.1\r\nHost: t\r\n\r\n",
     "400x", 0},
    {"smuggling: a chunk extension in quotes",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nTransfer-Encoding: "
     "chunked\r\n\r\nd;a=\"b;c\"\r\n{\"title\":\"a\"}\r\n0\r\n\r\nGET /Dog HTTP/1.1\r\nHost: "
     "t\r\n\r\n",
     "204 200", 0},
    {"smuggling: a chunk extension with LF",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nTransfer-Encoding: "
     "chunked\r\n\r\nd;a=b\n{\"title\":\"a\"}\r\n0\r\n\r\nGET /Dog HTTP/1.1\r\nHost: t\r\n\r\n",
     "400x", 0},
    {"smuggling: a chunk extension with CR",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nTransfer-Encoding: "
     "chunked\r\n\r\nd;a\rb\r\n{\"title\":\"a\"}\r\n0\r\n\r\nGET /Dog HTTP/1.1\r\nHost: t\r\n\r\n",
     "400x", 0},
    {"smuggling: a chunk extension with NUL",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nTransfer-Encoding: "
     "chunked\r\n\r\nd;a\000b\r\n{\"title\":\"a\"}\r\n0\r\n\r\nGET /Dog HTTP/1.1\r\nHost: "
     "t\r\n\r\n",
     "400x", 150},
    {"smuggling: a chunk size with a plus",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nTransfer-Encoding: "
     "chunked\r\n\r\n+d\r\n{\"title\":\"a\"}\r\n0\r\n\r\nGET /Dog HTTP/1.1\r\nHost: t\r\n\r\n",
     "400x", 0},
    {"smuggling: a chunk size with an h",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nTransfer-Encoding: "
     "chunked\r\n\r\ndh\r\n{\"title\":\"a\"}\r\n0\r\n\r\nGET /Dog HTTP/1.1\r\nHost: t\r\n\r\n",
     "400x", 0},
    {"smuggling: a chunk size with an underscore",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nTransfer-Encoding: "
     "chunked\r\n\r\n0_d\r\n{\"title\":\"a\"}\r\n0\r\n\r\nGET /Dog HTTP/1.1\r\nHost: t\r\n\r\n",
     "400x", 0},
    {"smuggling: a chunk size of 16 digits that is right",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nTransfer-Encoding: "
     "chunked\r\n\r\n000000000000000d\r\n{\"title\":\"a\"}\r\n0\r\n\r\nGET /Dog HTTP/1.1\r\nHost: "
     "t\r\n\r\n",
     "400x", 0},
    {"smuggling: a chunk shorter than it says",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nTransfer-Encoding: "
     "chunked\r\n\r\ne\r\n{\"title\":\"a\"}\r\n0\r\n\r\nGET /Dog HTTP/1.1\r\nHost: t\r\n\r\n",
     "400x", 0},
    {"smuggling: CR CR LF behind a chunk",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nTransfer-Encoding: "
     "chunked\r\n\r\nd\r\n{\"title\":\"a\"}\r\r\n0\r\n\r\nGET /Dog HTTP/1.1\r\nHost: t\r\n\r\n",
     "400x", 0},
    {"smuggling: a second request after the last chunk without its blank line",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nTransfer-Encoding: "
     "chunked\r\n\r\nd\r\n{\"title\":\"a\"}\r\n0\r\nGET /Dog HTTP/1.1\r\nHost: t\r\n\r\n",
     "400x", 0},
    {"smuggling: an empty chunked body",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nTransfer-Encoding: "
     "chunked\r\n\r\n0\r\n\r\nGET /Dog HTTP/1.1\r\nHost: t\r\n\r\n",
     "400 200", 0},
    {"smuggling: a chunked GET",
     "GET /Dog HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\nGET "
     "/Dog HTTP/1.1\r\nHost: t\r\n\r\n",
     "200 200", 0},
    {"smuggling: a GET whose body is a request",
     "GET /Dog HTTP/1.1\r\nHost: t\r\nContent-Length: 30\r\n\r\nGET /Dog HTTP/1.1\r\nHost: "
     "t\r\n\r\nGET /Dog HTTP/1.1\r\nHost: t\r\n\r\n",
     "200 200", 0},
    {"smuggling: a HEAD with a body",
     "DELETE /Page/none HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabcGET /Dog "
     "HTTP/1.1\r\nHost: t\r\n\r\n",
     "200 200", 0},
    {"smuggling: bytes behind a body",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: "
     "13\r\n\r\n{\"title\":\"a\"}xyz\r\n\r\n",
     "204 400x", 0},
    {"smuggling: a length that is too short",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: "
     "12\r\n\r\n{\"title\":\"a\"}GET /Dog HTTP/1.1\r\nHost: t\r\n\r\n",
     "400 400x", 0},
    {"smuggling: a blank line between requests",
     "GET /Dog HTTP/1.1\r\nHost: t\r\n\r\n\r\nGET /Dog HTTP/1.1\r\nHost: t\r\n\r\n", "200 200", 0},
    {"smuggling: a tab between requests",
     "GET /Dog HTTP/1.1\r\nHost: t\r\n\r\n\t\r\nGET /Dog HTTP/1.1\r\nHost: t\r\n\r\n", "200 400x",
     0},
    {"smuggling: an upgrade to h2c is not taken",
     "GET /Dog HTTP/1.1\r\nHost: t\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: "
     "h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\nGET /Dog HTTP/1.1\r\nHost: t\r\n\r\n",
     "200 200", 0},
    {"smuggling: the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400x", 0},
    /* ---- path ---- */
    {"path: dots are no directories",
     "GET /../Dog HTTP/1.1\r\nHost: t\r\n\r\nGET /Dog HTTP/1.1\r\nHost: t\r\n\r\n", "404 200", 0},
    {"path: dots inside are no directories",
     "GET /Page/../Dog HTTP/1.1\r\nHost: t\r\n\r\nGET /Dog HTTP/1.1\r\nHost: t\r\n\r\n", "404 200",
     0},
    {"path: one dot is no directory", "GET /./Dog HTTP/1.1\r\nHost: t\r\n\r\n", "404", 0},
    {"path: escaped dots", "GET /%2e%2e/Dog HTTP/1.1\r\nHost: t\r\n\r\n", "404", 0},
    {"path: two slashes at the front", "GET //Dog HTTP/1.1\r\nHost: t\r\n\r\n", "404", 0},
    {"path: three slashes at the front", "GET /// HTTP/1.1\r\nHost: t\r\n\r\n", "404", 0},
    {"path: an escaped slash is no separator", "GET /Dog%2F1 HTTP/1.1\r\nHost: t\r\n\r\n", "404",
     0},
    {"path: an escaped slash in a key", "GET /Page/a%2F..%2Fb HTTP/1.1\r\nHost: t\r\n\r\n", "404",
     0},
    {"path: an escaped question mark", "GET /Dog%3Fid=1 HTTP/1.1\r\nHost: t\r\n\r\n", "404", 0},
    {"path: an escaped number sign", "GET /Page/%23 HTTP/1.1\r\nHost: t\r\n\r\n", "404", 0},
    {"path: a backslash", "GET /Dog\\1 HTTP/1.1\r\nHost: t\r\n\r\n", "404", 0},
    {"path: a backslash and dots", "GET /..\\..\\Dog HTTP/1.1\r\nHost: t\r\n\r\n", "404", 0},
    {"path: a path parameter", "GET /Dog;x=1/ HTTP/1.1\r\nHost: t\r\n\r\n", "404", 0},
    {"path: a path parameter in a key", "GET /Dog/..;/ HTTP/1.1\r\nHost: t\r\n\r\n", "200", 0},
    {"path: NUL in a key", "GET /Page/%00 HTTP/1.1\r\nHost: t\r\n\r\n", "404", 0},
    {"path: NUL in a number", "GET /Dog/1%00 HTTP/1.1\r\nHost: t\r\n\r\n", "400", 0},
    {"path: NUL in a table", "GET /Dog%00/1 HTTP/1.1\r\nHost: t\r\n\r\n", "404", 0},
    {"path: line ends in a key", "GET /Page/a%0d%0aSet-Cookie:x HTTP/1.1\r\nHost: t\r\n\r\n", "404",
     0},
    {"path: an overlong slash", "GET /Page/%c0%af HTTP/1.1\r\nHost: t\r\n\r\n", "400", 0},
    {"path: a byte that is no UTF-8", "GET /Page/%ff HTTP/1.1\r\nHost: t\r\n\r\n", "400", 0},
    {"path: half of a surrogate pair", "GET /Page/%ed%a0%80 HTTP/1.1\r\nHost: t\r\n\r\n", "400", 0},
    {"path: a percent sign alone", "GET /Page/% HTTP/1.1\r\nHost: t\r\n\r\n", "400", 0},
    {"path: a percent sign and a digit", "GET /Page/%2 HTTP/1.1\r\nHost: t\r\n\r\n", "400", 0},
    {"path: a percent sign and letters", "GET /Page/%GG HTTP/1.1\r\nHost: t\r\n\r\n", "400", 0},
    {"path: an escape of sixteen bits", "GET /Page/%u0041 HTTP/1.1\r\nHost: t\r\n\r\n", "400", 0},
    {"path: escaped twice", "GET /Page/%252e HTTP/1.1\r\nHost: t\r\n\r\n", "404", 0},
    {"path: a hundred slashes",
     "GET "
     "/Page////////////////////////////////////////////////////////////////////////////////////////"
     "//////////// HTTP/1.1\r\nHost: t\r\n\r\n",
     "200", 0},
    {"path: quotes in a path", "GET /Page/\"'` HTTP/1.1\r\nHost: t\r\n\r\n", "404", 0},
    {"path: angle brackets in a path", "GET /Page/<script> HTTP/1.1\r\nHost: t\r\n\r\n", "404", 0},
    /* ---- target ---- */
    {"target: no authority", "GET http:///Dog HTTP/1.1\r\nHost: t\r\n\r\n", "400x", 0},
    {"target: nothing behind the scheme", "GET http:// HTTP/1.1\r\nHost: t\r\n\r\n", "400x", 0},
    {"target: another host than Host", "GET http://evil/Dog HTTP/1.1\r\nHost: t\r\n\r\n", "200", 0},
    {"target: another scheme", "GET ftp://t/Dog HTTP/1.1\r\nHost: t\r\n\r\n", "400x", 0},
    {"target: https", "GET https://t/Dog HTTP/1.1\r\nHost: t\r\n\r\n", "200", 0},
    {"target: a scheme in capitals", "GET HTTP://T/Dog HTTP/1.1\r\nHost: t\r\n\r\n", "200", 0},
    {"target: a user in the target", "GET http://u:p@t/Dog HTTP/1.1\r\nHost: t\r\n\r\n", "400x", 0},
    {"target: a whole URL without a path", "GET http://t HTTP/1.1\r\nHost: t\r\n\r\n", "404", 0},
    {"target: a whole URL with a query and no path", "GET http://t?x=1 HTTP/1.1\r\nHost: t\r\n\r\n",
     "404", 0},
    {"target: an authority as target", "GET t:80 HTTP/1.1\r\nHost: t\r\n\r\n", "400x", 0},
    {"target: javascript as a scheme", "GET javascript://t/Dog HTTP/1.1\r\nHost: t\r\n\r\n", "400x",
     0},
    /* ---- host ---- */
    {"host: a colon without a port", "GET /Dog HTTP/1.1\r\nHost: t:\r\n\r\n", "200", 0},
    {"host: a port without a host", "GET /Dog HTTP/1.1\r\nHost: :80\r\n\r\n", "400x", 0},
    {"host: a port that is no number", "GET /Dog HTTP/1.1\r\nHost: t:x\r\n\r\n", "400x", 0},
    {"host: an open bracket", "GET /Dog HTTP/1.1\r\nHost: [::1\r\n\r\n", "400x", 0},
    {"host: a host in quotes", "GET /Dog HTTP/1.1\r\nHost: \"t\"\r\n\r\n", "400x", 0},
    {"host: a host with a tab", "GET /Dog HTTP/1.1\r\nHost: t\tu\r\n\r\n", "400x", 0},
    {"host: a host with a question mark", "GET /Dog HTTP/1.1\r\nHost: t?x\r\n\r\n", "400x", 0},
    {"host: a host with a number sign", "GET /Dog HTTP/1.1\r\nHost: t#x\r\n\r\n", "400x", 0},
    {"host: a host with a backslash", "GET /Dog HTTP/1.1\r\nHost: t\\u\r\n\r\n", "400x", 0},
    {"host: forwarded hosts have no meaning",
     "GET /Dog HTTP/1.1\r\nHost: t\r\nX-Forwarded-Host: evil\r\nX-Original-URL: "
     "/Hidden/\r\nX-Rewrite-URL: /Hidden/\r\n\r\n",
     "200", 0},
    {"host: a method override has no meaning",
     "GET /Dog HTTP/1.1\r\nHost: t\r\nX-HTTP-Method-Override: DELETE\r\n\r\n", "200", 0},
    /* ---- method ---- */
    {"method: a method in small letters",
     "get /Dog HTTP/1.1\r\nHost: t\r\n\r\nGET /Dog HTTP/1.1\r\nHost: t\r\n\r\n", "501 200", 0},
    {"method: a longer method",
     "GETX /Dog HTTP/1.1\r\nHost: t\r\n\r\nGET /Dog HTTP/1.1\r\nHost: t\r\n\r\n", "501 200", 0},
    {"method: a method of 33 letters",
     "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA /Dog HTTP/1.1\r\nHost: t\r\n\r\n", "400x", 0},
    {"method: NUL before the method", "\000GET /Dog HTTP/1.1\r\nHost: t\r\n\r\n", "400x", 31},
    {"method: a byte order mark before the method",
     "\357\273\277GET /Dog HTTP/1.1\r\nHost: t\r\n\r\n", "400x", 0},
    {"method: the greeting of TLS", "\026\003\001\002\000\001\000\001\374\003\003\r\n\r\n", "400x",
     15},
    {"method: the greeting of SSH", "SSH-2.0-OpenSSH_9.2\r\n\r\n", "400x", 0},
    {"method: the greeting of SMTP", "EHLO t\r\n\r\n", "400x", 0},
    {"method: a command of Redis", "*1\r\n$4\r\nPING\r\n\r\n", "400x", 0},
    {"method: a simple request of HTTP/0.9", "GET /Dog\r\n", "400x", 0},
    /* ---- field ---- */
    {"field: a quality that is none", "GET /Dog HTTP/1.1\r\nHost: t\r\nAccept: */*;q=zzz\r\n\r\n",
     "200", 0},
    {"field: a tag without an end",
     "GET /Page/none HTTP/1.1\r\nHost: t\r\nIf-None-Match: \"a\r\n\r\n", "404", 0},
    {"field: ranges are ignored",
     "GET /Dog HTTP/1.1\r\nHost: t\r\nRange: bytes=0-0,1-1,2-2,3-3\r\n\r\n", "200", 0},
    {"field: dates are ignored",
     "GET /Dog HTTP/1.1\r\nHost: t\r\nIf-Modified-Since: Fri, 31 Dec 9999 23:59:59 GMT\r\n\r\n",
     "200", 0},
    {"field: Connection names every field",
     "GET /Dog HTTP/1.1\r\nHost: t\r\nConnection: Host, Content-Length\r\n\r\nGET /Dog "
     "HTTP/1.1\r\nHost: t\r\n\r\n",
     "200 200", 0},
    {"field: close among others",
     "GET /Dog HTTP/1.1\r\nHost: t\r\nConnection: keep-alive, close\r\n\r\n", "200x", 0},
    {"field: an expectation without a body",
     "GET /Dog HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\n\r\n", "200", 0},
    {"field: an expectation of too much",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nExpect: "
     "100-continue\r\nContent-Length: 99999999\r\n\r\n",
     "413x", 0},
    /* ---- query ---- */
    {"query: a question mark alone",
     "GET /Dog/? HTTP/1.1\r\nHost: t\r\n\r\nGET /Dog HTTP/1.1\r\nHost: t\r\n\r\n", "200 200", 0},
    {"query: two question marks", "GET /Dog/?? HTTP/1.1\r\nHost: t\r\n\r\n", "400", 0},
    {"query: 64 brackets",
     "GET "
     "/Dog/"
     "?((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((age==1))))))))))))))))))))))"
     ")))))))))))))))))))))))))))))))))))))))))) HTTP/1.1\r\nHost: t\r\n\r\n",
     "200", 0},
    {"query: 65 brackets",
     "GET "
     "/Dog/"
     "?(((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((age==1)))))))))))))))))))))"
     ")))))))))))))))))))))))))))))))))))))))))))) HTTP/1.1\r\nHost: t\r\n\r\n",
     "400", 0},
    {"query: a limit beyond 64 bits",
     "GET /Dog/?limit(99999999999999999999) HTTP/1.1\r\nHost: t\r\n\r\n", "400", 0},
    {"query: NUL in a value", "GET /Dog/?name=%00 HTTP/1.1\r\nHost: t\r\n\r\n", "200", 0},
    {"query: a byte that is no UTF-8 in a value", "GET /Dog/?name==%ff HTTP/1.1\r\nHost: t\r\n\r\n",
     "400", 0},
    {"query: SQL in a value", "GET /Dog/?name='%20OR%201=1;-- HTTP/1.1\r\nHost: t\r\n\r\n", "200",
     0},
    {"query: SQL in a name", "GET /Dog/?id%20OR%201==1 HTTP/1.1\r\nHost: t\r\n\r\n", "404", 0},
    {"query: the internals of objects", "GET /Dog/?__proto__=1 HTTP/1.1\r\nHost: t\r\n\r\n", "404",
     0},
    /* ---- body ---- */
    {"body: an array of 128 levels",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: "
     "272\r\n\r\n{\"title\":\"a\",\"x\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
     "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]"
     "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"
     "]]]]]]]]]}GET /Dog HTTP/1.1\r\nHost: t\r\n\r\n",
     "204 200", 0},
    {"body: an array of 129 levels",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: "
     "274\r\n\r\n{\"title\":\"a\",\"x\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
     "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]"
     "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"
     "]]]]]]]]]]]}GET /Dog HTTP/1.1\r\nHost: t\r\n\r\n",
     "400 200", 0},
    {"body: a byte order mark",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: "
     "16\r\n\r\n\357\273\277{\"title\":\"a\"}",
     "400", 0},
    {"body: UTF-16",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: "
     "14\r\n\r\n{\000\"\000a\000\"\000:\0001\000}\000",
     "400", 99},
    {"body: bytes that are no UTF-8",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: "
     "13\r\n\r\n{\"title\":\"\377\"}",
     "400", 0},
    {"body: half of a surrogate pair in JSON",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: "
     "18\r\n\r\n{\"title\":\"\\ud800\"}",
     "400", 0},
    {"body: NUL in JSON",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: "
     "14\r\n\r\n{\"title\":\"a\000\"}",
     "400", 99},
    {"body: a comment in JSON",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: "
     "17\r\n\r\n{\"title\":\"a\"/**/}",
     "400", 0},
    {"body: two values",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: "
     "26\r\n\r\n{\"title\":\"a\"}{\"title\":\"a\"}",
     "400", 0},
    {"body: a name twice",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: "
     "23\r\n\r\n{\"title\":1,\"title\":\"a\"}",
     "204", 0},
    {"body: NaN",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: "
     "13\r\n\r\n{\"title\":NaN}",
     "400", 0},
    {"body: the internals of objects in a body",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: "
     "49\r\n\r\n{\"title\":\"a\",\"__proto__\":{\"x\":1},\"constructor\":1}",
     "204", 0},
    {"body: CBOR of 129 levels",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/cbor\r\nContent-Length: "
     "130\r\n\r\n\201\201\201\201\201\201\201\201\201\201\201\201\201\201\201\201\201\201\201\201"
     "\201\201\201\201\201\201\201\201\201\201\201\201\201\201\201\201\201\201\201\201\201\201\201"
     "\201\201\201\201\201\201\201\201\201\201\201\201\201\201\201\201\201\201\201\201\201\201\201"
     "\201\201\201\201\201\201\201\201\201\201\201\201\201\201\201\201\201\201\201\201\201\201\201"
     "\201\201\201\201\201\201\201\201\201\201\201\201\201\201\201\201\201\201\201\201\201\201\201"
     "\201\201\201\201\201\201\201\201\201\201\201\201\201\201\201\201\201\000GET /Dog "
     "HTTP/1.1\r\nHost: t\r\n\r\n",
     "400 200", 246},
    {"body: CBOR that announces 2^63 elements",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/cbor\r\nContent-Length: "
     "9\r\n\r\n\233\177\377\377\377\377\377\377\377GET /Dog HTTP/1.1\r\nHost: t\r\n\r\n",
     "400 200", 0},
    {"body: CBOR without an end",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/cbor\r\nContent-Length: "
     "100\r\n\r\n\237\237\237\237\237\237\237\237\237\237\237\237\237\237\237\237\237\237\237\237"
     "\237\237\237\237\237\237\237\237\237\237\237\237\237\237\237\237\237\237\237\237\237\237\237"
     "\237\237\237\237\237\237\237\237\237\237\237\237\237\237\237\237\237\237\237\237\237\237\237"
     "\237\237\237\237\237\237\237\237\237\237\237\237\237\237\237\237\237\237\237\237\237\237\237"
     "\237\237\237\237\237\237\237\237\237\237\237GET /Dog HTTP/1.1\r\nHost: t\r\n\r\n",
     "400 200", 0},
    {"body: CBOR text of 2^62 bytes",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/cbor\r\nContent-Length: "
     "9\r\n\r\n{@\000\000\000\000\000\000\000GET /Dog HTTP/1.1\r\nHost: t\r\n\r\n",
     "400 200", 123},
    {"body: MessagePack that announces 2^32 members",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/x-msgpack\r\nContent-Length: "
     "5\r\n\r\n\337\377\377\377\377GET /Dog HTTP/1.1\r\nHost: t\r\n\r\n",
     "400 200", 0},
    {"body: MessagePack with an extension",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/x-msgpack\r\nContent-Length: "
     "10\r\n\r\n\201\245title\324\001\000GET /Dog HTTP/1.1\r\nHost: t\r\n\r\n",
     "400 200", 130},
    {"body: a form without a boundary",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: multipart/form-data\r\nContent-Length: "
     "1\r\n\r\nxGET /Dog HTTP/1.1\r\nHost: t\r\n\r\n",
     "400 200", 0},
    {"body: a boundary of 100 bytes",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: multipart/form-data; "
     "boundary="
     "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
     "bbbbbbb\r\nContent-Length: 1\r\n\r\nxGET /Dog HTTP/1.1\r\nHost: t\r\n\r\n",
     "400 200", 0},
    {"body: a coding that is not there",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Encoding: "
     "gzip\r\nContent-Length: 13\r\n\r\n{\"title\":\"a\"}GET /Dog HTTP/1.1\r\nHost: t\r\n\r\n",
     "400 200", 0},
    {"body: a coding that is not known",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Encoding: "
     "lzma\r\nContent-Length: 13\r\n\r\n{\"title\":\"a\"}GET /Dog HTTP/1.1\r\nHost: t\r\n\r\n",
     "415 200", 0},
    {"body: identity as a coding",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Encoding: "
     "identity\r\nContent-Length: 13\r\n\r\n{\"title\":\"a\"}GET /Dog HTTP/1.1\r\nHost: t\r\n\r\n",
     "204 200", 0},
    {"body: codings upon each other",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Encoding: gzip, "
     "gzip, gzip, gzip\r\nContent-Length: 13\r\n\r\n{\"title\":\"a\"}GET /Dog HTTP/1.1\r\nHost: "
     "t\r\n\r\n",
     "415 200", 0},
    {"body: a type with a line end cannot be",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: a/b\rc\r\nContent-Length: "
     "13\r\n\r\n{\"title\":\"a\"}",
     "400x", 0},
    /* ---- answer ---- */
    {"answer: line ends in a type that was stored",
     "PUT /nest/deep/h HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: "
     "45\r\n\r\n{\"contentType\":\"a/b\\r\\nX-Evil: 1\",\"data\":\"x\"}GET /nest/deep/h "
     "HTTP/1.1\r\nHost: t\r\n\r\n",
     "204 200", 0},
    {"answer: an empty type that was stored",
     "PUT /nest/deep/h HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: "
     "29\r\n\r\n{\"contentType\":\"\",\"data\":\"x\"}GET /nest/deep/h HTTP/1.1\r\nHost: t\r\n\r\n",
     "204 200", 0},
    {"answer: NUL in a type that was stored",
     "PUT /nest/deep/h HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: "
     "38\r\n\r\n{\"contentType\":\"a/b\\u0000\",\"data\":\"x\"}GET /nest/deep/h HTTP/1.1\r\nHost: "
     "t\r\n\r\n",
     "204 200", 0},
    {"answer: a filter that cannot be read deletes nothing",
     "PUT /Page/keep HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: "
     "13\r\n\r\n{\"title\":\"a\"}DELETE /Page/?title==%zz HTTP/1.1\r\nHost: t\r\n\r\nGET "
     "/Page/keep HTTP/1.1\r\nHost: t\r\n\r\n",
     "204 400 200", 0},
};

/* `before`, then `piece` as often as it says, then `after`. */
static const struct repeated {
    const char *name, *before, *piece;
    unsigned count;
    const char *after, *expected;
} repeats[] = {
#define END         " HTTP/1.1\r\nHost: t\r\n\r\n"
#define NEXT        "GET /Dog" END
#define FIELD(name) "GET /Dog HTTP/1.1\r\nHost: t\r\n" name ": "
#define PUT(type, length)                                                                          \
    "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: " type "\r\nContent-Length: " length         \
    "\r\n\r\n"
    {"a key of 1000 bytes", "GET /Page/", "k", 1000, END, "404"},
    {"a key of 2000 bytes", "GET /Page/", "k", 2000, END, "400"},
    {"a key of 6000 bytes", "GET /Page/", "k", 6000, END NEXT, "400 200"},
    {"a thousand dots", "GET /Page/", ".", 1000, END, "404"},
    {"a method of 10000 letters", "", "A", 10000, " /Dog" END, "400x"},
    {"a large field", FIELD("X"), "y", 15000, "\r\n\r\n", "200"},
    {"a thousand types", FIELD("Accept"), "a/b,", 1000, "*/*\r\n\r\n", "200"},
    {"nothing but commas in Accept", FIELD("Accept"), ",", 1000, "\r\n\r\n", "406"},
    {"a thousand codings", FIELD("Accept-Encoding"), "a;q=1,", 1000, "\r\n\r\n", "200"},
    {"a thousand tags", FIELD("If-None-Match"), "\"a\",", 1000, "\r\n\r\n", "200"},
    {"a thousand cookies", FIELD("Cookie"), "a=b; ", 1000, "\r\n\r\n", "431x"},
    {"1024 conditions", "GET /Dog/?age=1", "&age=1", 1023, END, "200"},
    {"1025 conditions", "GET /Dog/?age=1", "&age=1", 1024, END, "400"},
    {"4000 open brackets", "GET /Dog/?", "(", 4000, END NEXT, "400 200"},
    {"2000 braces", "GET /Dog/?select(a", "{a", 2000, ")" END NEXT, "400 200"},
    {"a select of 1000 names", "GET /Dog/?select(a", ",a", 1000, ")" END, "200"},
    {"a sort by 1000 names", "GET /Dog/?id=1&sort(id", ",id", 1000, ")" END, "200"},
    {"100000 open brackets of JSON", PUT("application/json", "100000"), "[", 100000, NEXT,
     "400 200"},
    {"100000 open arrays of CBOR", PUT("application/cbor", "100000"), "\x9f", 100000, NEXT,
     "400 200"},
    {"100000 open maps of MessagePack", PUT("application/x-msgpack", "100000"), "\x81", 100000,
     NEXT, "400 200"},
    {"5000 fields of a form", PUT("application/x-www-form-urlencoded", "20000"), "a=1&", 5000, NEXT,
     "400 200"},
    {"5000 boundaries", PUT("multipart/form-data; boundary=x", "25000"), "--x\r\n", 5000, NEXT,
     "400 200"},
    {"a number of 10000 digits", PUT("application/json", "10017") "{\"title\":\"a\",\"n\":", "9",
     9999, "}" NEXT, "204 200"},
    {"5000 lines of nothing", PUT("application/x-ndjson", "5000"), "\n", 5000, NEXT, "400 200"},
    {"10000 chunks of one byte",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nTransfer-Encoding: "
     "chunked\r\n\r\nd\r\n{\"title\":\"a\"}\r\n",
     "1\r\n \r\n", 10000, "0\r\n\r\n" NEXT, "204 200"},
    {"a chunk extension of 20000 bytes",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nTransfer-Encoding: "
     "chunked\r\n\r\nd;a=",
     "b", 20000, "\r\n{\"title\":\"a\"}\r\n0\r\n\r\n", "400x"},
    {"a trailer of 20000 bytes",
     "PUT /Page/f HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nTransfer-Encoding: "
     "chunked\r\n\r\nd\r\n{\"title\":\"a\"}\r\n0\r\nX: ",
     "b", 20000, "\r\n\r\n", "400x"},
    {"200 requests at once", "", NEXT, 200, "", "200 200"},
};

static void run_repeated(const struct repeated *repeated, uint16_t port)
{
    struct text bytes = {0};
    struct framing framing = {repeated->name, NULL, repeated->expected, 0};

    text_puts(&bytes, repeated->before);
    for (unsigned k = 0; k < repeated->count; k++)
        text_puts(&bytes, repeated->piece);
    text_puts(&bytes, repeated->after);
    framing.bytes = bytes.data;
    framing.len = bytes.len;
    run_case(&framing, port, false);
    free(bytes.data);
}

/* A client may close its half once it has asked. */
static void run_half_closed(uint16_t port)
{
    struct client client;
    struct response response = {0};

    if (!client_open(&client, port))
        return;
    client_puts(&client, NEXT);
    shutdown(client.fd, SHUT_WR);
    client_read(&client, &response, false);
    expect_status("half closed behind a request", response.status, 200);
    client_close(&client);
    if (!client_open(&client, port))
        return;
    client_puts(&client, "PUT /Page/half HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
                         "Content-Length: 100\r\n\r\n{\"title\":");
    shutdown(client.fd, SHUT_WR);
    client_read(&client, &response, false);
    expect(response.status != 204, "half closed within a body", NULL);
    client_close(&client);
    expect_status("and nothing was written", http(port, "GET", "/Page/half", NULL, &response), 404);
    response_free(&response);
}

/* What was stored must not become fields of an answer. */
static void run_injected(uint16_t port)
{
    struct response response = {0};

    http(port, "POST", "/Page/", "{\"id\":\"b\\r\\nX-Evil: 1\",\"title\":\"t\"}", &response);
    expect(response_field(&response, "X-Evil") == NULL, "no field from a key", NULL);
    http(port, "PUT", "/nest/deep/i", "{\"contentType\":\"a/b\\r\\nX-Evil: 1\",\"data\":\"x\"}",
         &response);
    http(port, "GET", "/nest/deep/i", NULL, &response);
    expect(response_field(&response, "X-Evil") == NULL, "no field from a type", NULL);
    expect_status("and an answer all the same", response.status, 200);
    response_free(&response);
}

void run_abuse(uint16_t port)
{
    struct response response = {0};

    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        run_case(&cases[k], port, false);
        run_case(&cases[k], port, true);
    }
    for (size_t k = 0; k < sizeof repeats / sizeof *repeats; k++)
        run_repeated(&repeats[k], port);
    run_half_closed(port);
    run_injected(port);
    expect_status("the server goes on", http(port, "GET", "/Dog", NULL, &response), 200);
    response_free(&response);
}
