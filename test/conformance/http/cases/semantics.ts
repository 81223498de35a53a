/** Methods and replies (RFC 9110 sections 6.6, 8.6, 9, 13, 14 and 15). */
import { refused, section, type Entry, type Section } from "../case.ts";
import { get, HOST, post, CONTENT_UNEXPECTED } from "./pieces.ts";

const request = (method: string, target = "/", fields = ""): string =>
  `${method} ${target} HTTP/1.1\r\n${HOST}${fields}\r\n`;
const asked = (entry: Entry): Entry => ({ messages: [{}], ...entry });

/** A request for a file of ten bytes, with a field. */
const file = (entry: Omit<Entry, "bytes">, field?: string): Entry =>
  asked({ ...entry, bytes: get(field === undefined ? "" : `${field}\r\n`, "/files/ten.txt"), lunetOnly: true });

const IMF_DATE =
  /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT$/;

export const semantics: readonly Section[] = [
  section(
    "Methods",
    "A method that the server does not know is 501, one that the resource has not is 405 with `Allow`, and neither is served as another",
    [
      asked({
        name: "a method that nobody knows",
        rule: "9110 9.1",
        bytes: request("FOOBAR"),
        wanted: "501|405|400 open|closed",
      }),
      asked({
        name: "a method that is known and not served, with Allow",
        rule: "9110 15.5.6",
        bytes: request("DELETE", "/get-only"),
        wanted: "405 open",
        fields: [["allow", /\bGET\b/]],
        lunetOnly: true,
      }),
      asked({
        lunetOnly: true,
        name: "OPTIONS, with Allow and without a length for no content",
        rule: "9110 9.3.7",
        bytes: request("OPTIONS"),
        wanted: "200|204 open",
        fields: [["allow", /\bGET\b/]],
      }),
      asked({
        lunetOnly: true,
        name: "OPTIONS for the server itself",
        rule: "9110 9.3.7",
        bytes: request("OPTIONS", "*"),
        wanted: "200|204 open",
      }),
      asked({
        lunetOnly: true,
        name: "TRACE, which shows secrets to scripts",
        rule: "9110 9.3.8",
        why: "A server that reflects requests shows cookies and credentials to whoever made them be sent",
        bytes: request("TRACE"),
        wanted: "405|501 open|closed",
      }),
      asked({
        lunetOnly: true,
        name: "TRACE with a credential",
        rule: "9110 9.3.8",
        why: "As TRACE",
        bytes: request("TRACE", "/", "Authorization: Bearer secret\r\n"),
        wanted: "405|501 open|closed",
      }),
      {
        ...refused([
          "TRACE with content",
          "9110 9.3.8",
          `TRACE / HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nhello`,
          CONTENT_UNEXPECTED,
        ]),
        why: "A client must not send content with TRACE",
        wanted: "400|405|501 open|closed",
      },
      {
        ...refused([
          "CONNECT with content",
          "9110 9.3.6",
          `CONNECT a:443 HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nhello`,
          CONTENT_UNEXPECTED,
        ]),
        why: "CONNECT has no content: what follows is the tunnel's for some, and content for others",
        wanted: "400?|405?|501? closed",
      },
      asked({
        name: "CONNECT to an origin server",
        rule: "9110 9.3.6",
        why: "It is no proxy",
        bytes: "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n",
        wanted: "501?|405?|400? open|closed",
      }),
    ],
  ),
  section("Replies", "A reply has the fields and the content that its method and its status allow, and no others", [
    asked({
      name: "a reply to GET, with Date and Content-Type",
      rule: "9110 6.6.1",
      bytes: get(),
      fields: [
        ["date", IMF_DATE],
        ["content-type", /^text\/plain/],
      ],
    }),
    asked({
      name: "a refusal, with Date",
      rule: "9110 6.6.1",
      why: "Every 4xx has a Date, and says that the connection closes",
      bytes: "GET / HTTP/1.1\r\n\r\n",
      messages: [],
      refusal: [400, "ERR_HTTP_HOST_MISSING"],
      fields: [
        ["date", IMF_DATE],
        ["connection", /^close$/i],
      ],
    }),
    asked({
      name: "HEAD, without content",
      rule: "9110 9.3.2",
      bytes: request("HEAD"),
      messages: [{ method: "HEAD" }],
    }),
    asked({
      name: "HEAD before a GET",
      rule: "9110 9.3.2",
      why: "A byte of content would be read as the next reply",
      bytes: request("HEAD") + get("", "/2"),
      messages: [{ method: "HEAD" }, { target: "/2" }],
    }),
    asked({
      name: "HEAD for a stream, without content",
      rule: "9110 9.3.2",
      bytes: request("HEAD", "/stream"),
      messages: [{ method: "HEAD" }],
    }),
    asked({
      name: "204, without content and without a length",
      rule: "9110 8.6",
      bytes: get("", "/204"),
      wanted: "204 open",
      fields: [
        ["content-length", null],
        ["transfer-encoding", null],
      ],
    }),
    asked({
      name: "304, without content",
      rule: "9110 15.4.5",
      bytes: get("", "/304"),
      wanted: "304 open",
      fields: [["transfer-encoding", null]],
    }),
    asked({
      name: "a stream, in chunks",
      rule: "9112 7.1",
      bytes: get("", "/stream"),
      fields: [
        ["transfer-encoding", /^chunked$/],
        ["content-length", null],
      ],
    }),
    asked({
      name: "a stream to HTTP/1.0, up to the end of the connection",
      rule: "9112 6.1",
      bytes: `GET /stream HTTP/1.0\r\n${HOST}Connection: keep-alive\r\n\r\n`,
      wanted: "200 closed",
      fields: [["transfer-encoding", null]],
    }),
    asked({
      name: "a reply to HTTP/1.0 in words of HTTP/1.1",
      rule: "9110 2.5",
      why: "A server says which version it speaks, and uses nothing that HTTP/1.0 does not know",
      bytes: `GET / HTTP/1.0\r\n${HOST}\r\n`,
      wanted: "200 closed",
    }),
  ]),
  section(
    "Ranges and conditions",
    "A file has validators and parts; who has it already is told so, and a part that is malformed or not there is not made up",
    [
      file({
        name: "a file, with its validators",
        rule: "9110 8.8",
        fields: [
          ["etag", /^(?:W\/)?"[^"]+"$/],
          ["last-modified", IMF_DATE],
          ["accept-ranges", /^bytes$/],
          ["content-length", /^10$/],
        ],
      }),
      file(
        {
          name: "a range",
          rule: "9110 14.2",
          wanted: "206 open",
          fields: [
            ["content-range", /^bytes 2-4\/10$/],
            ["content-length", /^3$/],
          ],
        },
        "Range: bytes=2-4",
      ),
      file(
        {
          name: "a range that ends behind the file",
          rule: "9110 14.1.2",
          wanted: "206 open",
          fields: [["content-range", /^bytes 8-9\/10$/]],
        },
        "Range: bytes=8-99",
      ),
      file(
        {
          name: "the last bytes",
          rule: "9110 14.1.2",
          wanted: "206 open",
          fields: [["content-range", /^bytes 7-9\/10$/]],
        },
        "Range: bytes=-3",
      ),
      file(
        {
          name: "a range behind the file",
          rule: "9110 15.5.17",
          wanted: "416 open",
          fields: [["content-range", /^bytes \*\/10$/]],
        },
        "Range: bytes=10-",
      ),
      file(
        {
          name: "two ranges, which may come as one when they are near",
          rule: "9110 15.3.7.2",
          wanted: "206 open",
        },
        "Range: bytes=0-1,8-9",
      ),
      file(
        { name: "a range of another unit", rule: "9110 14.2", fields: [["content-range", null]] },
        "Range: lines=1-2",
      ),
      file({ name: "a range that is none", rule: "9110 14.2", wanted: "200 open" }, "Range: bytes=4-2"),
      file(
        { name: "If-Range with another tag", rule: "9110 13.1.5", fields: [["content-range", null]] },
        'Range: bytes=2-4\r\nIf-Range: "other"',
      ),
      file(
        {
          name: "If-None-Match of any",
          rule: "9110 13.1.2",
          wanted: "304 open",
          fields: [
            ["etag", /^(?:W\/)?"[^"]+"$/],
            ["transfer-encoding", null],
          ],
        },
        "If-None-Match: *",
      ),
      file(
        { name: "If-None-Match before If-Modified-Since", rule: "9110 13.2.2" },
        'If-None-Match: "other"\r\nIf-Modified-Since: Fri, 31 Dec 2099 23:59:59 GMT',
      ),
      file({ name: "If-Match with another tag", rule: "9110 13.1.1", wanted: "412 open" }, 'If-Match: "other"'),
      file(
        { name: "If-Unmodified-Since long ago", rule: "9110 13.1.4", wanted: "412 open" },
        "If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT",
      ),
      file(
        { name: "If-Modified-Since that is no date, of a file", rule: "9110 13.1.3" },
        "If-Modified-Since: yesterday",
      ),
      file(
        {
          name: "If-Modified-Since of a time to come",
          rule: "9110 13.1.3",
          why: "It is no reason to ignore the field any more: that was RFC 2616 14.25",
          wanted: "304 open",
        },
        "If-Modified-Since: Fri, 31 Dec 2099 23:59:59 GMT",
      ),
    ],
  ),
  section(
    "Fields that mean nothing here",
    "A field that does not concern a resource is ignored, and a malformed one of its kind breaks nothing",
    [
      asked({
        name: "Range with POST",
        rule: "9110 14.2",
        bytes: post("Content-Length: 5\r\nRange: bytes=0-10\r\n", "hello"),
        messages: [{ content: "hello" }],
      }),
      asked({ name: "a Range that is no range", rule: "9110 14.2", bytes: get("Range: bytes=abc-xyz\r\n") }),
      asked({
        name: "a Range of many that overlap",
        rule: "9110 14.2",
        bytes: get(`Range: bytes=0-${",0-".repeat(50)}\r\n`),
        wanted: "200|416 open",
      }),
      asked({
        name: "If-None-Match of a resource without a validator",
        rule: "9110 13.1.2",
        bytes: get('If-None-Match: "x"\r\n'),
      }),
      asked({
        name: "If-Modified-Since that is no date",
        rule: "9110 13.1.3",
        bytes: get("If-Modified-Since: yesterday\r\n"),
      }),
      asked({
        name: "an Accept that nobody can meet",
        rule: "9110 12.5.1",
        bytes: get("Accept: application/x-nonsense\r\n"),
        wanted: "200|406 open",
      }),
      asked({
        name: "content of a type that nobody knows",
        rule: "9110 15.5.16",
        bytes: post("Content-Length: 5\r\nContent-Type: application/x-nonsense\r\n", "hello"),
        messages: [{ content: "hello" }],
        wanted: "200|415 open",
      }),
      asked({ name: "a Cookie of nonsense", rule: "6265 5.4", bytes: get('Cookie: =; ;;a="b; c=\xff,\r\n') }),
      asked({
        name: "TE that asks for trailers",
        rule: "9110 10.1.4",
        bytes: get("TE: trailers\r\nConnection: TE\r\n"),
      }),
      asked({ name: "Max-Forwards of zero with GET", rule: "9110 7.6.2", bytes: get("Max-Forwards: 0\r\n") }),
    ],
  ),
];
