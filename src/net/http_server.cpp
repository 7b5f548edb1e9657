// SPDX-License-Identifier: Apache-2.0
#include "net/http_server.hpp"

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
#include <atomic>
#include <deque>
#include <limits>
#include <list>
#include <stdexcept>
#include <type_traits>

#include "net/peer.hpp"
#include "net/server_files.hpp"

namespace cgmm::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Tcp = asio::ip::tcp;
using Error = boost::system::error_code;

constexpr std::size_t kMostHeader_bytes = 16 * 1024;
constexpr std::chrono::seconds kDrainTime{2};

ServerAnswer plain(int status, std::string text) { return {.status = status, .body = std::move(text) + "\n"}; }

}  // namespace

class Server::Impl : public std::enable_shared_from_this<Server::Impl> {
 public:
  using Event = std::shared_ptr<const std::string>;

  /// One connection. All of it runs in the server's thread.
  class Connection : public std::enable_shared_from_this<Connection> {
   public:
    Connection(Impl& server, Tcp::socket socket)
        : server_(server), plain_(std::move(socket)), context_(server.files_.tls()) {
      if (context_) tls_.emplace(plain_, *context_);
    }

    void begin() {
      if (!tls_) return read();
      plain_.expires_after(server_.settings_.request_time);
      tls_->async_handshake(asio::ssl::stream_base::server,
                            [self = shared_from_this()](Error error) { error ? self->end() : self->read(); });
    }

    enum class State : unsigned char {
      idle,     // no request has come
      waits,    // for its answer
      takes,    // its answer
      listens,  // to events, or takes the header before them
    };
    State state() const { return state_; }

    void end() {
      Error ignored;
      plain_.socket().close(ignored);
      has_ended_ = true;
      waiting_.clear();
      server_.forget(this);
    }

    bool is_listening() const { return state_ == State::listens; }

    /// Whoever closes its end while it waits does not want the answer any more.
    void end_if_left() {
      if (is_left(plain_.socket().native_handle())) end();
    }

    /// One that does not take what it was sent is closed; it may ask again.
    void tell(const Event& event) {
      if (!plain_.socket().is_open()) return;
      if (waiting_.size() >= server_.settings_.max_late_events) return end();
      waiting_.push_back(event);
      if (waiting_.size() == 1 && !answer_) write_event();
    }

   private:
    /// `use` is called with the stream that the client speaks on.
    template <class Use>
    void on_stream(Use use) {
      tls_ ? use(*tls_) : use(plain_);
    }

    void read() {
      state_ = State::idle;
      is_head_ = false;
      parser_.emplace();
      parser_->header_limit(kMostHeader_bytes);
      parser_->body_limit(std::numeric_limits<std::uint64_t>::max());  // none is read
      plain_.expires_after(server_.settings_.request_time);
      on_stream([this](auto& stream) {
        http::async_read_header(stream, buffer_, *parser_, [self = shared_from_this()](Error error, std::size_t) {
          self->state_ = State::waits;
          if (!error) return self->take();
          if (error == http::error::end_of_stream || error == beast::error::timeout || error == asio::error::eof ||
              error == asio::error::connection_reset || error == asio::error::operation_aborted)
            return self->end();
          self->refuse(error == http::error::header_limit ? plain(431, "the request is over 16 KiB")
                                                          : plain(400, "this is no request that can be understood"));
        });
      });
    }

    void take() {
      const auto& message = parser_->get();
      keeps_ = message.keep_alive();
      is_head_ = message.method() == http::verb::head;
      if (message.method() != http::verb::get && !is_head_) {
        ServerAnswer answer = plain(405, "only GET and HEAD are served");
        answer.headers = {{"Allow", "GET, HEAD"}};
        return refuse(std::move(answer));
      }
      if (!parser_->is_done()) return refuse(plain(413, "a request has no body here"));
      const std::string& token = server_.files_.token();
      if (!token.empty() && message.target() != server_.settings_.path_without_token) {
        const auto given = message[http::field::authorization];
        if (!has_token({given.data(), given.size()}, token)) {
          ServerAnswer answer = plain(401, "this takes the token: as Authorization: Bearer TOKEN, or as the password");
          answer.headers = {{"WWW-Authenticate", "Bearer"},
                            {"WWW-Authenticate", "Basic realm=\"cgroup-memory-manager\", charset=\"UTF-8\""}};
          return send(std::move(answer));
        }
      }
      const auto host = message[http::field::host];
      const std::string_view target{message.target().data(), message.target().size()};
      if (server_.settings_.only_by_address &&
          (!is_called_by_address({host.data(), host.size()}) || !is_called_by_address(host_in(target))))
        return send(plain(421, "this is served only by its address, not by a name"));
      auto request = parse_target(target);
      if (!request) return send(plain(400, "this address can't be understood"));
      const auto accept = message[http::field::accept];
      request->accept = std::string(accept.data(), accept.size());
      plain_.expires_never();  // the handler has bounds of its own
      server_.look_who_left();
      server_.handler_(*request, {.give =
                                      [server = server_.shared_from_this(),
                                       self = shared_from_this()](ServerAnswer answer) {  // self goes first
                                        asio::post(server->context_, [self, answer = std::move(answer)]() mutable {
                                          self->send(std::move(answer));
                                        });
                                      },
                                  .is_wanted = [self = shared_from_this()] { return !self->has_ended_; }});
    }

    /// Where the next request begins is not known, or not wanted to be.
    void refuse(ServerAnswer answer) {
      keeps_ = false;
      drains_ = true;
      send(std::move(answer));
    }

    /// Nothing more is read from it but its end.
    void listen() {
      plain_.expires_never();
      on_stream([this](auto& stream) {
        stream.async_read_some(asio::buffer(&heard_, 1),
                               [self = shared_from_this()](Error, std::size_t) { self->end(); });
      });
      if (!waiting_.empty()) write_event();
    }

    void write_event() {
      plain_.expires_after(server_.settings_.answer_time);
      on_stream([this](auto& stream) {
        asio::async_write(stream, asio::buffer(*waiting_.front()),
                          [self = shared_from_this(), event = waiting_.front()](Error error, std::size_t) {
                            if (self->waiting_.empty()) return;  // it has ended
                            self->waiting_.pop_front();
                            if (error) return self->end();
                            if (!self->waiting_.empty()) self->write_event();
                          });
      });
    }

    void send(ServerAnswer answer) {
      if (!plain_.socket().is_open()) return;
      if (answer.listens && server_.listener_count_ >= server_.settings_.max_listeners) {
        answer = plain(503, "too many listen already");
        answer.headers = {{"Retry-After", "30"}};
      }
      if (answer.listens) keeps_ = false;
      const bool will_listen = answer.listens && !is_head_;
      state_ = will_listen ? State::listens : State::takes;
      if (will_listen) ++server_.listener_count_;
      if (will_listen && server_.kept_) waiting_.push_back(server_.kept_);
      answer_.emplace(static_cast<http::status>(answer.status), 11);
      answer_->set(http::field::content_type, answer.type);
      answer_->set(http::field::cache_control, "no-store");
      answer_->set("X-Content-Type-Options", "nosniff");
      for (const auto& [name, value] : answer.headers) answer_->insert(name, value);  // some come twice
      answer_->keep_alive(keeps_);
      body_ = answer.shared_body ? answer.shared_body : std::make_shared<const std::string>(std::move(answer.body));
      if (!answer.listens) answer_->content_length(body_->size());
      if (!is_head_) answer_->body() = {body_->data(), body_->size()};
      plain_.expires_after(server_.settings_.answer_time);
      on_stream([this, will_listen](auto& stream) {
        http::async_write(stream, *answer_, [self = shared_from_this(), will_listen](Error error, std::size_t) {
          self->answer_.reset();
          self->body_.reset();
          if (!error && will_listen) return self->listen();
          if (error || !self->keeps_) return self->close();
          self->read();
        });
      });
    }

    /// So that the client can read what was sent.
    void close() {
      Error ignored;
      plain_.socket().shutdown(Tcp::socket::shutdown_send, ignored);
      if (!drains_) return end();
      state_ = State::idle;
      plain_.expires_after(kDrainTime);
      drain();
    }

    /// What it goes on sending is thrown away: else the kernel would answer it with a reset, and the client might lose
    /// the answer.
    void drain() {
      buffer_.clear();
      plain_.async_read_some(buffer_.prepare(kMostHeader_bytes), [self = shared_from_this()](Error error, std::size_t) {
        error ? self->end() : self->drain();
      });
    }

    Impl& server_;
    beast::tcp_stream plain_;
    ServerFiles::Tls context_;
    std::optional<beast::ssl_stream<beast::tcp_stream&>> tls_;
    beast::flat_buffer buffer_{kMostHeader_bytes * 2};
    std::optional<http::request_parser<http::empty_body>> parser_;
    std::shared_ptr<const std::string> body_;
    std::optional<http::response<http::span_body<const char>>> answer_;  // refers to body_
    std::deque<Event> waiting_;                                          // the first one is being sent
    char heard_ = 0;
    State state_ = State::idle;
    std::atomic<bool> has_ended_ = false;
    bool keeps_ = false, is_head_ = false, drains_ = false;
  };

  Impl(const ServerSettings& settings, Handler handler)
      : settings_(settings),
        handler_(std::move(handler)),
        files_(settings.cert_file, settings.key_file, settings.token_file),
        acceptor_(context_),
        pause_(context_),
        next_look_(context_),
        next_left_(context_),
        stop_(context_) {
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
    if (!settings_.cert_file.empty() || !settings_.token_file.empty()) look_again();
    context_.run();
    while (!connections_.empty()) connections_.front()->end();
  }

  void forget(const Connection* connection) {
    const auto found = std::ranges::find(connections_, connection, [](const auto& one) { return one.get(); });
    if (found == connections_.end()) return;
    if (connection->is_listening()) --listener_count_;
    connections_.erase(found);
  }

  void publish(std::string text, bool is_kept) {
    // A weak one: what is not done at the end must not keep all of this.
    auto event = std::make_shared<const std::string>(std::move(text));
    asio::post(context_, [weak = weak_from_this(), event = std::move(event), is_kept] {
      const auto self = weak.lock();
      if (!self) return;
      if (is_kept) self->kept_ = event;
      for (auto one = self->connections_.begin(); one != self->connections_.end();) {
        const auto connection = *one++;  // it may end
        if (connection->is_listening()) connection->tell(event);
      }
    });
  }
  std::size_t listener_count() const { return listener_count_; }

 private:
  void look_again() {
    next_look_.expires_after(settings_.look_time);
    next_look_.async_wait([this](Error error) {
      if (error) return;
      const std::string wrong = files_.look_again();
      if (!wrong.empty() && settings_.tell) settings_.tell(wrong);
      look_again();
    });
  }

  void accept() {
    acceptor_.async_accept([this](Error error, Tcp::socket socket) {
      if (error == asio::error::operation_aborted) return;
      if (error) {  // no file descriptor is left: that passes
        pause_.expires_after(std::chrono::milliseconds(100));
        return pause_.async_wait([this](Error) { accept(); });
      }
      if (make_room()) {
        socket.set_option(Tcp::no_delay(true), error);
        expect_signs_of_life(socket.native_handle(), settings_.answer_time);
        connections_.push_back(std::make_shared<Connection>(*this, std::move(socket)));
        connections_.back()->begin();
      }
      accept();
    });
  }

  /// False: all connections wait for an answer, or listen.
  bool make_room() {
    if (connections_.size() < settings_.max_connections) return true;
    using State = Connection::State;
    for (const State state : {State::idle, State::takes}) {
      const auto oldest = std::ranges::find_if(connections_, [&](const auto& one) { return one->state() == state; });
      if (oldest == connections_.end()) continue;
      const auto closed = *oldest;
      closed->end();
      return true;
    }
    return false;
  }

  /// Now and then, as long as somebody waits for an answer.
  void look_who_left() {
    if (std::exchange(looks_who_left_, true)) return;
    next_left_.expires_after(settings_.left_time);
    next_left_.async_wait([this](Error error) {
      if (error) return;
      looks_who_left_ = false;
      bool somebody_waits = false;
      for (auto one = connections_.begin(); one != connections_.end();) {
        const auto connection = *one++;  // it may end
        if (connection->state() != Connection::State::waits) continue;
        somebody_waits = true;
        connection->end_if_left();
      }
      if (somebody_waits) look_who_left();
    });
  }

  friend class Connection;
  ServerSettings settings_;
  Handler handler_;
  ServerFiles files_;
  asio::io_context context_{1};
  Tcp::acceptor acceptor_;
  asio::steady_timer pause_, next_look_, next_left_;
  bool looks_who_left_ = false;
  asio::posix::stream_descriptor stop_;
  std::list<std::shared_ptr<Connection>> connections_;  // the oldest first
  Event kept_;                                          // nullptr: none
  std::atomic<std::size_t> listener_count_ = 0;
};

Server::Server(const ServerSettings& settings, Handler handler)
    : impl_(std::make_shared<Impl>(settings, std::move(handler))) {}
Server::~Server() = default;
std::uint16_t Server::port() const { return impl_->port(); }
void Server::run(int stop_fd) { impl_->run(stop_fd); }
void Server::publish(std::string event, bool is_kept) { impl_->publish(std::move(event), is_kept); }
std::size_t Server::listener_count() const { return impl_->listener_count(); }

}  // namespace cgmm::net
