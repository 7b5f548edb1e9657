// SPDX-License-Identifier: Apache-2.0
#include "net/http_server.hpp"

#include <openssl/crypto.h>
#include <unistd.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <list>
#include <stdexcept>
#include <system_error>
#include <type_traits>

namespace cgmm::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Tcp = asio::ip::tcp;
using Error = boost::system::error_code;

constexpr std::size_t kMostHeader_bytes = 16 * 1024;

/// %XX and '+'; nullopt: a '%' that is none, or a zero.
std::optional<std::string> unescaped(std::string_view text, bool plus_is_space) {
  std::string result;
  while (!text.empty()) {
    if (text.front() == '%') {
      unsigned byte = 0;
      const char* const end = text.data() + 3;
      if (text.size() < 3 || std::from_chars(text.data() + 1, end, byte, 16).ptr != end || byte == 0)
        return std::nullopt;
      result += static_cast<char>(byte);
      text.remove_prefix(3);
    } else {
      result += text.front() == '+' && plus_is_space ? ' ' : text.front();
      text.remove_prefix(1);
    }
  }
  return result;
}

/// In a time that does not tell how much of it is right.
bool is_same(std::string_view one, std::string_view other) {
  return one.size() == other.size() && CRYPTO_memcmp(one.data(), other.data(), one.size()) == 0;
}

/// "127.0.0.1:9748", "[::1]", "localhost"; also "", which no browser sends.
bool is_address(std::string_view host) {
  const bool is_v6 = host.starts_with('[');
  const std::size_t end = is_v6 ? host.find(']') : host.find(':');
  const std::string name(host.substr(is_v6 ? 1 : 0, end == std::string_view::npos ? end : end - (is_v6 ? 1 : 0)));
  Error error;
  asio::ip::make_address(name, error);
  return name.empty() || name == "localhost" || !error;
}

/// Of a file that can't be opened, the system's reason is better than OpenSSL's.
void expect_readable(const std::filesystem::path& file) {
  if (::access(file.c_str(), R_OK) != 0)
    throw std::runtime_error("can't use " + file.string() + ": " + std::generic_category().message(errno));
}

ServerAnswer plain(int status, std::string text) { return {.status = status, .body = std::move(text) + "\n"}; }

}  // namespace

std::optional<std::string> ServerRequest::value(std::string_view name) const {
  for (auto one = values.rbegin(); one != values.rend(); ++one) {
    if (one->first == name) return one->second;
  }
  return std::nullopt;
}

std::optional<ServerRequest> parse_target(std::string_view target) {
  if (!target.starts_with('/')) return std::nullopt;
  target = target.substr(0, target.find('#'));
  const std::size_t question = target.find('?');
  const auto path = unescaped(target.substr(0, question), false);
  if (!path) return std::nullopt;
  ServerRequest request{.path = *path};
  std::string_view rest = question == std::string_view::npos ? "" : target.substr(question + 1);
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const auto name = unescaped(pair.substr(0, equals), true);
    const auto value = unescaped(pair.substr(std::min(equals + 1, pair.size())), true);
    if (!name || !value) return std::nullopt;
    request.values.emplace_back(*name, *value);
  }
  return request;
}

class Server::Impl : public std::enable_shared_from_this<Server::Impl> {
 public:
  /// One connection. All of it runs in the server's thread.
  class Connection : public std::enable_shared_from_this<Connection> {
   public:
    Connection(Impl& server, Tcp::socket socket) : server_(server), plain_(std::move(socket)) {
      if (server.tls_) tls_.emplace(plain_, *server.tls_);
    }

    void begin() {
      if (!tls_) return read();
      plain_.expires_after(server_.settings_.request_time);
      tls_->async_handshake(asio::ssl::stream_base::server,
                            [self = shared_from_this()](Error error) { error ? self->end() : self->read(); });
    }

    /// Whether nobody waits for an answer on it.
    bool is_idle() const { return !is_answering_; }

    void end() {
      Error ignored;
      plain_.socket().close(ignored);
      server_.forget(this);
    }

   private:
    /// `use` is called with the stream that the client speaks on.
    template <class Use>
    void on_stream(Use use) {
      tls_ ? use(*tls_) : use(plain_);
    }

    void read() {
      is_answering_ = false;
      parser_.emplace();
      parser_->header_limit(kMostHeader_bytes);
      parser_->body_limit(0);
      plain_.expires_after(server_.settings_.request_time);
      on_stream([this](auto& stream) {
        http::async_read(stream, buffer_, *parser_, [self = shared_from_this()](Error error, std::size_t) {
          self->is_answering_ = true;
          if (!error) return self->take();
          if (error == http::error::end_of_stream || error == beast::error::timeout || error == asio::error::eof ||
              error == asio::error::connection_reset || error == asio::error::operation_aborted)
            return self->end();
          self->keeps_ = false;
          self->send(error == http::error::header_limit ? plain(431, "the request is over 16 KiB")
                     : error == http::error::body_limit ? plain(413, "a request has no body here")
                                                        : plain(400, "this is no request that can be understood"));
        });
      });
    }

    void take() {
      const auto& message = parser_->get();
      keeps_ = message.keep_alive();
      is_head_ = message.method() == http::verb::head;
      if (message.method() != http::verb::get && !is_head_) {
        keeps_ = false;
        ServerAnswer answer = plain(405, "only GET and HEAD are served");
        answer.headers = {{"Allow", "GET, HEAD"}};
        return send(std::move(answer));
      }
      if (!server_.settings_.token.empty()) {
        const auto given = message[http::field::authorization];
        if (!is_same({given.data(), given.size()}, "Bearer " + server_.settings_.token)) {
          ServerAnswer answer = plain(401, "this takes the header Authorization: Bearer TOKEN");
          answer.headers = {{"WWW-Authenticate", "Bearer"}};
          return send(std::move(answer));
        }
      }
      const auto host = message[http::field::host];
      if (server_.settings_.only_by_address && !is_address({host.data(), host.size()}))
        return send(plain(421, "this is served only by its address, not by a name"));
      auto request = parse_target({message.target().data(), message.target().size()});
      if (!request) return send(plain(400, "this address can't be understood"));
      const auto accept = message[http::field::accept];
      request->accept = std::string(accept.data(), accept.size());
      plain_.expires_never();  // the handler has bounds of its own
      server_.handler_(*request, [self = shared_from_this(), server = server_.shared_from_this()](ServerAnswer answer) {
        asio::post(server->context_, [self, answer = std::move(answer)]() mutable { self->send(std::move(answer)); });
      });
    }

    void send(ServerAnswer answer) {
      if (!plain_.socket().is_open()) return;
      answer_.emplace(static_cast<http::status>(answer.status), 11);
      answer_->set(http::field::content_type, answer.type);
      answer_->set(http::field::cache_control, "no-store");
      answer_->set("X-Content-Type-Options", "nosniff");
      for (const auto& [name, value] : answer.headers) answer_->set(name, value);
      answer_->keep_alive(keeps_);
      answer_->content_length(answer.body.size());
      if (!is_head_) answer_->body() = std::move(answer.body);
      plain_.expires_after(server_.settings_.answer_time);
      on_stream([this](auto& stream) {
        http::async_write(stream, *answer_, [self = shared_from_this()](Error error, std::size_t) {
          self->answer_.reset();
          if (error || !self->keeps_) return self->close();
          self->read();
        });
      });
    }

    /// So that the client can read what was sent.
    void close() {
      Error ignored;
      plain_.socket().shutdown(Tcp::socket::shutdown_send, ignored);
      end();
    }

    Impl& server_;
    beast::tcp_stream plain_;
    std::optional<beast::ssl_stream<beast::tcp_stream&>> tls_;
    beast::flat_buffer buffer_{kMostHeader_bytes * 2};
    std::optional<http::request_parser<http::empty_body>> parser_;
    std::optional<http::response<http::string_body>> answer_;
    bool keeps_ = false, is_head_ = false, is_answering_ = false;
  };

  Impl(const ServerSettings& settings, Handler handler)
      : settings_(settings), handler_(std::move(handler)), acceptor_(context_), pause_(context_), stop_(context_) {
    if (!settings_.cert_file.empty()) use_certificate();
    Error error;
    const auto address = asio::ip::make_address(settings_.address, error);
    if (error) throw std::runtime_error("\"" + settings_.address + "\" is no address such as 127.0.0.1 or ::1");
    const Tcp::endpoint endpoint(address, settings_.port);
    const std::string place =
        (address.is_v6() ? "[" + settings_.address + "]" : settings_.address) + ":" + std::to_string(settings_.port);
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(Tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(128, error);
    if (error) throw std::runtime_error("can't listen on " + place + ": " + error.message());
  }

  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

  void run(int stop_fd) {
    stop_.assign(::dup(stop_fd));
    stop_.async_wait(asio::posix::stream_descriptor::wait_read, [this](Error) { context_.stop(); });
    accept();
    context_.run();
    while (!connections_.empty()) connections_.front()->end();
  }

  void forget(const Connection* connection) {
    std::erase_if(connections_, [&](const auto& one) { return one.get() == connection; });
  }

 private:
  void use_certificate() {
    expect_readable(settings_.cert_file);
    expect_readable(settings_.key_file);
    tls_.emplace(asio::ssl::context::tls_server);
    tls_->set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1);
    Error error;
    tls_->use_certificate_chain_file(settings_.cert_file, error);
    if (error) throw std::runtime_error("can't use " + settings_.cert_file.string() + ": " + error.message());
    tls_->use_private_key_file(settings_.key_file, asio::ssl::context::pem, error);
    if (error) throw std::runtime_error("can't use " + settings_.key_file.string() + ": " + error.message());
  }

  void accept() {
    acceptor_.async_accept([this](Error error, Tcp::socket socket) {
      if (error == asio::error::operation_aborted) return;
      if (error) {  // no file descriptor is left: that passes
        pause_.expires_after(std::chrono::milliseconds(100));
        return pause_.async_wait([this](Error) { accept(); });
      }
      if (make_room()) {
        connections_.push_back(std::make_shared<Connection>(*this, std::move(socket)));
        connections_.back()->begin();
      }
      accept();
    });
  }

  /// False: all connections wait for an answer.
  bool make_room() {
    if (connections_.size() < settings_.max_connections) return true;
    const auto idle = std::ranges::find_if(connections_, [](const auto& one) { return one->is_idle(); });
    if (idle == connections_.end()) return false;
    const auto closed = *idle;
    closed->end();
    return true;
  }

  friend class Connection;
  ServerSettings settings_;
  Handler handler_;
  asio::io_context context_{1};
  std::optional<asio::ssl::context> tls_;
  Tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  asio::posix::stream_descriptor stop_;
  std::list<std::shared_ptr<Connection>> connections_;  // the oldest first
};

Server::Server(const ServerSettings& settings, Handler handler)
    : impl_(std::make_shared<Impl>(settings, std::move(handler))) {}
Server::~Server() = default;
std::uint16_t Server::port() const { return impl_->port(); }
void Server::run(int stop_fd) { impl_->run(stop_fd); }

}  // namespace cgmm::net
