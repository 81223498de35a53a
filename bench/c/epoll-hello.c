/*
 * The reply of the hello contest from a plain epoll loop: what the kernel and HTTP at its barest cost, without any runtime.
 *
 * One thread, sockets that do not block, connections that stay open. It finds the end of each head, answers requests that
 * came together with one write, keeps the part of a head that has come, and the part of a reply that did not fit: until
 * that is written, nothing more is read. `GET /` has the reply, anything else 404; content is not understood, so whoever
 * announces some is answered and hung up on.
 *
 * It listens on 127.0.0.1 at PORT (0 or none: any), prints its address, and runs until it is ended.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_HEAD 8192
#define MAX_EVENTS 512
#define MAX_REPLY 512
/* "GET / HTTP/1.1\r\n\r\n" is 18 bytes: no read holds more heads than this. */
#define MAX_PIPELINED (MAX_HEAD / 18 + 1)
#define BACKLOG 1024

static const char CONTENT[] =
    "{\"message\":\"Hello, world\",\"items\":[1,2,3,4,5],\"ok\":true,\"note\":\"about a hundred bytes of JSON\"}";

struct connection {
  int fd;
  size_t held;
  char input[MAX_HEAD];
  /* What a client that does not read has still to get. */
  char *output;
  size_t output_size;
  size_t output_sent;
  bool closing;
};

static int epoll_fd;
static char reply[MAX_REPLY];
static size_t reply_size;
static time_t reply_second = -1;
static char output[MAX_PIPELINED * MAX_REPLY];

static void fail(const char *what) {
  perror(what);
  exit(1);
}

/* The reply changes with its Date, once a second. */
static void renew_reply(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  if (now.tv_sec == reply_second) return;
  reply_second = now.tv_sec;
  struct tm utc;
  gmtime_r(&reply_second, &utc);
  char date[40];
  strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &utc);
  int size = snprintf(reply, sizeof reply,
                      "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: %zu\r\n"
                      "Date: %s\r\n\r\n%s",
                      sizeof CONTENT - 1, date, CONTENT);
  if (size < 0 || (size_t)size >= sizeof reply) {
    fprintf(stderr, "Cannot make the reply: it is longer than %zu bytes\n", sizeof reply);
    exit(1);
  }
  reply_size = (size_t)size;
}

static void watch(struct connection *connection, int operation, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = connection};
  if (epoll_ctl(epoll_fd, operation, connection->fd, &event) < 0) fail("epoll_ctl");
}

static void end(struct connection *connection) {
  close(connection->fd);
  free(connection->output);
  free(connection);
}

/* Sends what is there. What the socket does not take is kept. False when the connection has ended. */
static bool send_all(struct connection *connection, const char *bytes, size_t size) {
  ssize_t sent = send(connection->fd, bytes, size, MSG_NOSIGNAL);
  if (sent < 0) {
    if (errno != EAGAIN && errno != EINTR) {
      end(connection);
      return false;
    }
    sent = 0;
  }
  if ((size_t)sent == size) {
    if (!connection->closing) return true;
    end(connection);
    return false;
  }
  connection->output_size = size - (size_t)sent;
  connection->output_sent = 0;
  connection->output = malloc(connection->output_size);
  if (connection->output == NULL) fail("malloc");
  memcpy(connection->output, bytes + sent, connection->output_size);
  watch(connection, EPOLL_CTL_MOD, EPOLLOUT);
  return true;
}

/* Whether a head announces content: a line that begins with the name of a framing field. */
static bool has_content(const char *head, size_t size) {
  static const char LENGTH[] = "content-length:", CODING[] = "transfer-encoding:";
  const char *line = head, *stop = head + size;
  while ((line = memchr(line, '\n', (size_t)(stop - line))) != NULL && ++line < stop) {
    size_t left = (size_t)(stop - line);
    if (left >= sizeof LENGTH - 1 && strncasecmp(line, LENGTH, sizeof LENGTH - 1) == 0) return true;
    if (left >= sizeof CODING - 1 && strncasecmp(line, CODING, sizeof CODING - 1) == 0) return true;
  }
  return false;
}

static size_t answer(struct connection *connection, const char *head, size_t size, char *place) {
  static const char FOUND[] = "GET / HTTP/1.1\r\n";
  static const char NOT_FOUND[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
  if (has_content(head, size)) connection->closing = true;
  if (size >= sizeof FOUND - 1 && memcmp(head, FOUND, sizeof FOUND - 1) == 0) {
    memcpy(place, reply, reply_size);
    return reply_size;
  }
  memcpy(place, NOT_FOUND, sizeof NOT_FOUND - 1);
  return sizeof NOT_FOUND - 1;
}

/* Answers every whole head that is held, and keeps the rest. */
static void serve(struct connection *connection) {
  size_t used = 0, size = 0;
  while (!connection->closing) {
    const char *head = connection->input + used;
    const char *stop = memmem(head, connection->held - used, "\r\n\r\n", 4);
    if (stop == NULL) break;
    size_t head_size = (size_t)(stop - head) + 4;
    size += answer(connection, head, head_size, output + size);
    used += head_size;
  }
  connection->held -= used;
  if (connection->held > 0) memmove(connection->input, connection->input + used, connection->held);
  if (connection->held == MAX_HEAD) end(connection);
  else if (size > 0) send_all(connection, output, size);
}

static void on_readable(struct connection *connection) {
  ssize_t got = recv(connection->fd, connection->input + connection->held, MAX_HEAD - connection->held, 0);
  if (got > 0) {
    connection->held += (size_t)got;
    serve(connection);
  } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
    end(connection);
  }
}

static void on_writable(struct connection *connection) {
  size_t left = connection->output_size - connection->output_sent;
  ssize_t sent = send(connection->fd, connection->output + connection->output_sent, left, MSG_NOSIGNAL);
  if (sent < 0) {
    if (errno != EAGAIN && errno != EINTR) end(connection);
    return;
  }
  connection->output_sent += (size_t)sent;
  if ((size_t)sent < left) return;
  free(connection->output);
  connection->output = NULL;
  if (connection->closing) end(connection);
  else watch(connection, EPOLL_CTL_MOD, EPOLLIN);
}

static void on_connections(int listener) {
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct connection *connection = malloc(sizeof *connection);
    if (connection == NULL) fail("malloc");
    connection->fd = fd;
    connection->held = 0;
    connection->output = NULL;
    connection->closing = false;
    watch(connection, EPOLL_CTL_ADD, EPOLLIN);
  }
}

static int listen_on_loopback(void) {
  const char *wanted = getenv("PORT");
  struct sockaddr_in address = {
      .sin_family = AF_INET,
      .sin_port = htons((uint16_t)atoi(wanted == NULL ? "0" : wanted)),
      .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
  };
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (listener < 0) fail("socket");
  int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (struct sockaddr *)&address, size) < 0) fail("bind");
  if (listen(listener, BACKLOG) < 0) fail("listen");
  if (getsockname(listener, (struct sockaddr *)&address, &size) < 0) fail("getsockname");
  printf("http://127.0.0.1:%d\n", ntohs(address.sin_port));
  fflush(stdout);
  return listener;
}

int main(void) {
  signal(SIGPIPE, SIG_IGN);
  int listener = listen_on_loopback();
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_fd < 0) fail("epoll_create1");
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event) < 0) fail("epoll_ctl");
  struct epoll_event events[MAX_EVENTS];
  for (;;) {
    int count = epoll_wait(epoll_fd, events, MAX_EVENTS, -1);
    renew_reply();
    for (int index = 0; index < count; index++) {
      struct connection *connection = events[index].data.ptr;
      if (connection == NULL) on_connections(listener);
      else if (connection->output != NULL) on_writable(connection);
      else on_readable(connection);
    }
  }
}
