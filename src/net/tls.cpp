// SPDX-License-Identifier: Apache-2.0
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "net/http.hpp"
#include "net/stream.hpp"
#include "net/tls_words.hpp"

namespace cgmm::net {
namespace {

using Kind = HttpError::Kind;

template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Context = std::unique_ptr<SSL_CTX, Freed<::SSL_CTX_free>>;

HttpError no_use(const std::string& what, const std::filesystem::path& file) {
  return {Kind::tls, what + ' ' + file.string() + " can't be used: " + openssl_reason() +
                         ". Is it a PEM file that this user may read?"};
}

Context make_context(const TlsFiles& files) {
  Context context(::SSL_CTX_new(::TLS_client_method()));
  if (!context) throw std::bad_alloc();
  ::SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  ::SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  ::SSL_CTX_set_mode(context.get(),
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  ::SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  // A key with a passphrase must not make OpenSSL ask at the terminal.
  ::SSL_CTX_set_default_passwd_cb(context.get(), [](char*, int, int, void*) { return -1; });
  if (files.ca.empty()) {
    ::SSL_CTX_set_default_verify_paths(context.get());
  } else if (::SSL_CTX_load_verify_file(context.get(), files.ca.c_str()) != 1) {
    throw no_use("`ca_file`", files.ca);
  }
  if (files.client_cert.empty() != files.client_key.empty()) {
    throw HttpError(Kind::tls, "`client_cert_file` and `client_key_file` are only of use together. Set both or none.");
  }
  if (files.client_cert.empty()) return context;
  if (::SSL_CTX_use_certificate_chain_file(context.get(), files.client_cert.c_str()) != 1) {
    throw no_use("`client_cert_file`", files.client_cert);
  }
  if (::SSL_CTX_use_PrivateKey_file(context.get(), files.client_key.c_str(), SSL_FILETYPE_PEM) != 1) {
    const unsigned long error = ::ERR_peek_last_error();
    if (ERR_GET_LIB(error) == ERR_LIB_X509 && ERR_GET_REASON(error) == X509_R_KEY_VALUES_MISMATCH) {
      throw HttpError(Kind::tls, "`client_key_file` is not the key of the certificate in `client_cert_file`.");
    }
    throw no_use("`client_key_file` (a key without a passphrase)", files.client_key);
  }
  return context;
}

/// OpenSSL's own socket BIO would raise SIGPIPE.
class SocketMethod {
 public:
  SocketMethod() : method_(::BIO_meth_new(BIO_TYPE_SOURCE_SINK, "socket")) {
    if (!method_) throw std::bad_alloc();
    ::BIO_meth_set_read(method_.get(), [](BIO* bio, char* data, int size) {
      return moved(bio, ::recv(fd_of(bio), data, static_cast<std::size_t>(size), 0), BIO_FLAGS_READ);
    });
    ::BIO_meth_set_write(method_.get(), [](BIO* bio, const char* data, int size) {
      return moved(bio, ::send(fd_of(bio), data, static_cast<std::size_t>(size), MSG_NOSIGNAL), BIO_FLAGS_WRITE);
    });
    ::BIO_meth_set_ctrl(method_.get(),
                        [](BIO*, int command, long, void*) -> long { return command == BIO_CTRL_FLUSH; });
  }
  const BIO_METHOD* get() const { return method_.get(); }

 private:
  static int fd_of(BIO* bio) { return *static_cast<int*>(::BIO_get_data(bio)); }
  static int moved(BIO* bio, ssize_t count, int direction) {
    ::BIO_clear_flags(bio, BIO_FLAGS_RWS | BIO_FLAGS_SHOULD_RETRY);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) ::BIO_set_flags(bio, direction | BIO_FLAGS_SHOULD_RETRY);
    return static_cast<int>(count);
  }

  std::unique_ptr<BIO_METHOD, Freed<::BIO_meth_free>> method_;
};

class TlsStream : public Stream {
 public:
  TlsStream(base::Fd socket, std::string host, std::string place, const TlsFiles& files)
      : Stream(std::move(socket)),
        fd_(fd()),
        host_(std::move(host)),
        place_(std::move(place)),
        has_client_cert_(!files.client_cert.empty()) {
    ::ERR_clear_error();
    const Context context = make_context(files);
    ssl_.reset(::SSL_new(context.get()));
    BIO* const bio = ssl_ ? ::BIO_new(method_.get()) : nullptr;
    if (bio == nullptr) throw std::bad_alloc();
    ::BIO_set_data(bio, &fd_);
    ::BIO_set_init(bio, 1);
    ::SSL_set_bio(ssl_.get(), bio, bio);
    SSL_set_app_data(ssl_.get(), this);
    ::SSL_set_verify(ssl_.get(), SSL_VERIFY_PEER, &TlsStream::note_wrong);
    ::SSL_set_connect_state(ssl_.get());
    expect_host();
  }
  ~TlsStream() override {
    ::ERR_clear_error();
    if (is_shaken_ && !is_broken_) ::SSL_shutdown(ssl_.get());  // says goodbye, and does not wait for an answer
  }

  void shake_hands(const Patience& patience) {
    for (;;) {
      ::ERR_clear_error();
      const int result = ::SSL_do_handshake(ssl_.get());
      if (result == 1) break;
      const Step step = step_of(result);
      if (step.kind != Step::Kind::waits) {
        throw HttpError(Kind::closed, place_ + " closed the connection before TLS began. Is this the port for https?");
      }
      const Woken woken = wait_for(fd(), step.events, patience);
      if (woken == Woken::stopped) throw HttpError(Kind::stopped, "Stopped.");
      if (woken == Woken::timeout) {
        throw HttpError(Kind::timeout, place_ + " does not begin TLS in time. Is this the port for https?");
      }
    }
    is_shaken_ = true;
  }

  Step read_some(std::span<char> buffer) override {
    ::ERR_clear_error();
    const int result = ::SSL_read(ssl_.get(), buffer.data(), size_of(buffer.size()));
    return result > 0 ? moved(result) : step_of(result);
  }

  Step write_some(std::string_view bytes) override {
    ::ERR_clear_error();
    const int result = ::SSL_write(ssl_.get(), bytes.data(), size_of(bytes.size()));
    return result > 0 ? moved(result) : step_of(result);
  }

 private:
  static int size_of(std::size_t size) {
    return static_cast<int>(std::min<std::size_t>(size, std::numeric_limits<int>::max()));
  }
  static Step moved(int bytes) { return {Step::Kind::moved, static_cast<std::size_t>(bytes)}; }

  void expect_host() {
    X509_VERIFY_PARAM* const expected = ::SSL_get0_param(ssl_.get());
    const std::string address = host_.substr(0, host_.find('%'));  // without an IPv6 zone
    if (::X509_VERIFY_PARAM_set1_ip_asc(expected, address.c_str()) == 1) return;
    ::ERR_clear_error();
    ::X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    // The second is SSL_set_tlsext_host_name(), a macro with an old cast.
    if (::SSL_set1_host(ssl_.get(), host_.c_str()) != 1 ||
        ::SSL_ctrl(ssl_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, host_.data()) != 1) {
      throw std::bad_alloc();
    }
  }

  /// OpenSSL's callback: keeps what the sentence needs.
  static int note_wrong(int is_right, X509_STORE_CTX* store) {
    if (is_right == 1) return 1;
    auto* const ssl = static_cast<SSL*>(::X509_STORE_CTX_get_ex_data(store, ::SSL_get_ex_data_X509_STORE_CTX_idx()));
    auto& self = *static_cast<TlsStream*>(SSL_get_app_data(ssl));
    X509* const at = ::X509_STORE_CTX_get_current_cert(store);
    if (at != nullptr) ::X509_up_ref(at);
    self.wrong_.reset(at);
    self.is_wrong_its_own_ = ::X509_STORE_CTX_get_error_depth(store) == 0;
    return 0;
  }

  /// After a call that moved nothing. Throws HttpError(tls).
  Step step_of(int result) {
    switch (::SSL_get_error(ssl_.get(), result)) {
      case SSL_ERROR_WANT_READ:
        return {Step::Kind::waits, 0, POLLIN};
      case SSL_ERROR_WANT_WRITE:
        return {Step::Kind::waits, 0, POLLOUT};
      case SSL_ERROR_ZERO_RETURN:
        return {Step::Kind::ended};
      case SSL_ERROR_SYSCALL:
        is_broken_ = true;
        return {Step::Kind::cut};
      default:
        break;
    }
    is_broken_ = true;
    const unsigned long error = ::ERR_peek_last_error();
    if (ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
      return {Step::Kind::cut};
    }
    const long wrong = ::SSL_get_verify_result(ssl_.get());
    if (!is_shaken_ && wrong != X509_V_OK) {
      throw HttpError(Kind::tls, certificate_in_words(host_, place_, wrong, wrong_.get(), is_wrong_its_own_));
    }
    throw HttpError(Kind::tls, tls_in_words(place_, has_client_cert_));
  }

  SocketMethod method_;
  int fd_;
  std::string host_;
  std::string place_;
  bool has_client_cert_;
  bool is_shaken_ = false;
  bool is_broken_ = false;
  bool is_wrong_its_own_ = true;
  std::unique_ptr<X509, Freed<::X509_free>> wrong_;  // the server's certificate that is not accepted
  std::unique_ptr<SSL, Freed<::SSL_free>> ssl_;
};

}  // namespace

std::unique_ptr<Stream> start_tls(base::Fd socket, const std::string& host, const std::string& place,
                                  const TlsFiles& files, const Patience& patience) {
  auto stream = std::make_unique<TlsStream>(std::move(socket), host, place, files);
  stream->shake_hands(patience);
  return stream;
}

}  // namespace cgmm::net
