// SPDX-License-Identifier: Apache-2.0
#include "net/http.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <new>
#include <optional>

#include "net/answer.hpp"
#include "net/stream.hpp"
#include "net/url.hpp"

namespace cgmm::net {
namespace {

using Kind = HttpError::Kind;

constexpr int kMaxRedirects = 5;
constexpr std::size_t kMaxProxyAnswerBytes = 64 << 10;

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    unsigned value = 0;
    for (std::size_t i = at; i < at + 3; ++i) {
      value = value << 8 | (i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0u);
    }
    for (unsigned shift = 18, i = 0; i < 4; ++i, shift -= 6) {
      text += at + i > bytes.size() ? '=' : kDigits[value >> shift & 63];
    }
  }
  return text;
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/// What an HTTP header or target may not have: with a line break, one could be another.
bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; });
}

void refuse_controls(const HttpRequest& request) {
  const auto refuse = [](const std::string& what) {
    return HttpError(Kind::bad_url, what + " has a line break or another control character. Remove it.");
  };
  const auto is_odd = [](char c) { return c <= ' ' || c == ':' || static_cast<unsigned char>(c) > 0x7e; };
  if (has_control(request.method) || has_control(request.target) || request.target.find(' ') != std::string::npos) {
    throw refuse("The request");
  }
  for (const auto& [name, value] : request.headers) {
    if (name.empty() || std::any_of(name.begin(), name.end(), is_odd)) throw refuse("The name of a header");
    if (has_control(value)) throw refuse("The value of the header " + name);
  }
}

}  // namespace

class HttpClient::Impl {
 public:
  explicit Impl(HttpSettings of_settings)
      : settings_(std::move(of_settings)), url_(parse_url(settings_.url, "The setting `url`")) {
    if (!url_.user_info.empty()) {
      throw HttpError(Kind::bad_url,
                      "The setting `url` has a user or password in it. Use `user` and `password_file` for these.");
    }
    if (url_.path.find('?') != std::string::npos) {
      throw HttpError(Kind::bad_url, "The setting `url` has a \"?\" in it. It ends before that.");
    }
    while (url_.path.ends_with('/')) url_.path.pop_back();
    if (settings_.proxy.empty()) return;
    proxy_ = parse_url(settings_.proxy, "The setting `proxy`");
    if (proxy_->is_https || (!proxy_->path.empty() && proxy_->path != "/")) {
      throw HttpError(Kind::bad_url, "The setting `proxy` has to be of the form http://host:port.");
    }
  }

  HttpAnswer send(const HttpRequest& request) {
    const auto end = std::chrono::steady_clock::now() + settings_.total_timeout;
    const Patience patience{end, settings_.stop_fd};
    was_sent_ = false;
    try {
      refuse_controls(request);
      if (wait_for(-1, 0, {{}, settings_.stop_fd}) == Woken::stopped) throw HttpError(Kind::stopped, "Stopped.");
      std::string target = url_.path + request.target;
      for (int redirects = 0;; ++redirects) {
        HttpAnswer answer = exchange(request, target, patience);
        if (answer.status == 407 && proxy_) throw proxy_refuses(answer);
        if (!is_redirect(answer.status)) return answer;
        target = redirected(request, target, answer);
        if (redirects == kMaxRedirects) {
          throw HttpError(Kind::redirect, url_.place() + " redirects again and again. Change it there.");
        }
      }
    } catch (HttpError& error) {
      stream_.reset();
      error.was_sent = was_sent_;
      throw;
    } catch (const std::bad_alloc&) {
      stream_.reset();
      throw;
    } catch (const std::exception& error) {  // the operating system refuses a descriptor, say
      stream_.reset();
      throw HttpError(Kind::connect, url_.place() + " can't be asked: " + error.what() + '.', was_sent_);
    }
  }

 private:
  /// One request, one answer; on the kept connection if it is still good for that.
  HttpAnswer exchange(const HttpRequest& request, const std::string& target, const Patience& patience) {
    const std::string head = head_of(request, target);
    if (stream_ && is_idle()) {
      AnswerReader reader(url_.place(), request.method, settings_.max_answer_bytes);
      try {
        return exchange_once(head, request.body, reader, patience);
      } catch (const HttpError& error) {
        // The server has closed it at the same moment: nothing is wrong with it.
        if (error.kind != Kind::closed || reader.has_begun()) throw;
      }
    }
    stream_.reset();
    connect(patience);
    AnswerReader reader(url_.place(), request.method, settings_.max_answer_bytes);
    return exchange_once(head, request.body, reader, patience);
  }

  HttpAnswer exchange_once(const std::string& head, std::string_view body, AnswerReader& reader,
                           const Patience& patience) {
    const bool is_all_sent = talk(head, body, reader, patience, true);
    HttpAnswer answer = reader.answer();
    if (!is_all_sent || reader.has_rest() || !reader.keeps()) stream_.reset();
    return answer;
  }

  /// Sends both and reads one answer, at the same time: a server may refuse a body before it has all of it. Whether all
  /// was sent and the connection is still open.
  bool talk(std::string_view head, std::string_view body, AnswerReader& reader, const Patience& patience,
            bool is_request) {
    std::array<char, 16 << 10> buffer;
    bool can_send = true;
    for (;;) {
      const Step read = stream_->read_some(buffer);
      if (read.kind == Step::Kind::moved) reader.take({buffer.data(), read.bytes});
      if (read.kind == Step::Kind::ended) reader.take_end();
      if (reader.is_whole()) return read.kind != Step::Kind::ended && head.empty() && body.empty();
      if (read.kind == Step::Kind::cut) throw reader.cut();
      if (read.kind == Step::Kind::moved) continue;

      short events = read.events;
      if (std::string_view& rest = head.empty() ? body : head; can_send && !rest.empty()) {
        const Step written = stream_->write_some(rest);
        if (written.kind == Step::Kind::moved) {
          was_sent_ = was_sent_ || is_request;
          rest.remove_prefix(written.bytes);
          continue;
        }
        can_send = written.kind == Step::Kind::waits;  // else there may still be an answer that says why
        events = static_cast<short>(events | written.events);
      }
      const Woken woken = wait_for(stream_->fd(), events, patience);
      if (woken == Woken::stopped) throw HttpError(Kind::stopped, "Stopped.");
      if (woken == Woken::timeout) throw reader.too_slow();
    }
  }

  /// A kept connection: nothing came, and it is open.
  bool is_idle() {
    std::array<char, 1> byte{};
    try {
      return stream_->read_some(byte).kind == Step::Kind::waits;
    } catch (const HttpError&) {  // TLS: the server said goodbye with an error
      return false;
    }
  }

  void connect(const Patience& patience) {
    const auto end = std::min(patience.end, std::chrono::steady_clock::now() + settings_.connect_timeout);
    const Patience soon{end, patience.stop_fd};
    const Url& first = proxy_ ? *proxy_ : url_;
    stream_ = std::make_unique<Stream>(connect_tcp(first.host, first.port, soon));
    if (!url_.is_https) return;
    if (proxy_) ask_proxy(soon);
    stream_ = start_tls(stream_->release(), url_.host, url_.place(),
                        {settings_.ca_file, settings_.client_cert_file, settings_.client_key_file}, soon);
  }

  /// For a tunnel to the server.
  void ask_proxy(const Patience& patience) {
    AnswerReader reader("The proxy " + proxy_->place(), "CONNECT", kMaxProxyAnswerBytes);
    const std::string place = url_.place();
    const std::string head = "CONNECT " + place + " HTTP/1.1\r\nHost: " + place + "\r\n" + proxy_login() + "\r\n";
    talk(head, "", reader, patience, false);
    const HttpAnswer answer = reader.answer();
    if (answer.status < 200 || answer.status >= 300) throw proxy_refuses(answer);
    if (reader.has_rest()) {
      throw HttpError(Kind::proxy, "The proxy " + proxy_->place() + " sends more than an answer. Is it an HTTP proxy?");
    }
  }

  std::string head_of(const HttpRequest& request, const std::string& target) const {
    const bool is_plain_proxy = proxy_ && !url_.is_https;
    std::string head = request.method + ' ';
    if (is_plain_proxy) head += "http://" + url_.authority();
    head += target + " HTTP/1.1\r\nHost: " + url_.authority() + "\r\n";
    if (is_plain_proxy) head += proxy_login();
    for (const auto& [name, value] : request.headers) head += name + ": " + value + "\r\n";
    if (!request.body.empty() || request.method == "POST" || request.method == "PUT") {
      head += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
    }
    return head + "\r\n";
  }

  std::string proxy_login() const {
    return proxy_->user_info.empty() ? "" : "Proxy-Authorization: Basic " + base64(proxy_->user_info) + "\r\n";
  }

  /// The target to ask next. Throws HttpError(redirect).
  std::string redirected(const HttpRequest& request, const std::string& target, const HttpAnswer& answer) const {
    const std::string_view location = answer.header("Location");
    const std::string says = url_.place() + " answers with a redirect (" + std::to_string(answer.status) + ')';
    std::string to(location);
    if (location.starts_with("//")) {
      to = (url_.is_https ? "https:" : "http:") + to;
    } else if (location.find("://") == std::string_view::npos) {  // on the same server
      const std::string path = target.substr(0, std::min(target.find('?'), target.rfind('/', target.find('?')) + 1));
      to = (url_.is_https ? "https://" : "http://") + url_.place() + (location.starts_with('/') ? "" : path) + to;
    }
    Url other;
    try {
      other = parse_url(to, "");
    } catch (const HttpError&) {
      throw HttpError(Kind::redirect, says + " to no address that can be used. Is `url` right?");
    }
    const std::string name = (other.is_https ? "https://" : "http://") + other.place();
    if (!other.has_same_origin(url_)) {
      throw HttpError(
          Kind::redirect,
          says + " to " + name + ". Passwords are not sent there. If it is the right server, name it in `url`.");
    }
    if (request.method != "GET") {
      throw HttpError(Kind::redirect, says + " to another path on " + name + ". Change the path in `url`.");
    }
    return other.path.empty() ? "/" : other.path;
  }

  HttpError proxy_refuses(const HttpAnswer& answer) const {
    const std::string proxy = "The proxy " + proxy_->place();
    if (answer.status == 407) {
      return {Kind::proxy,
              proxy +
                  (proxy_->user_info.empty() ? " wants a user and a password" : " refuses the user or the password") +
                  ". Set them in `proxy`, as in http://user:password@host:port."};
    }
    return {Kind::proxy, proxy + " refuses to connect to " + url_.place() + " (status " +
                             std::to_string(answer.status) + "). Allow it there, or use no `proxy`."};
  }

  HttpSettings settings_;
  Url url_;
  std::optional<Url> proxy_;
  std::unique_ptr<Stream> stream_;  // kept from one request to the next
  bool was_sent_ = false;           // a byte of this request, over whatever connection
};

HttpClient::HttpClient(HttpSettings settings) : impl_(std::make_unique<Impl>(std::move(settings))) {}
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;
HttpClient::~HttpClient() = default;

HttpAnswer HttpClient::send(const HttpRequest& request) { return impl_->send(request); }

}  // namespace cgmm::net
