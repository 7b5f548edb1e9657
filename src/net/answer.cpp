// SPDX-License-Identifier: Apache-2.0
#include "net/answer.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>

#include "base/units.hpp"

namespace cgmm::net {
namespace {

namespace http = boost::beast::http;
using Kind = HttpError::Kind;
using Parser = http::response_parser<http::string_body>;

constexpr std::uint32_t kMaxHeaderBytes = 64 << 10;
constexpr int kMaxInterim = 16;  // "100 Continue" and the like

std::string text_of(boost::beast::string_view text) { return {text.data(), text.size()}; }

HttpError closed_by(const std::string& place, bool has_begun) {
  return {Kind::closed, place + " closed the connection " +
                            (has_begun ? "in the middle of its answer" : "without an answer") +
                            ". Its log may say why."};
}

}  // namespace

class AnswerReader::Impl {
 public:
  Impl(std::string at_place, std::string_view of_method, std::size_t max_body)
      : place(std::move(at_place)), method(of_method), max_body_bytes(max_body) {
    begin();
  }

  void begin() {
    parser.emplace();
    parser->header_limit(kMaxHeaderBytes);
    parser->body_limit(max_body_bytes);
    parser->eager(method != "CONNECT");  // a tunnel begins after the header
    if (method == "HEAD") parser->skip(true);
  }

  /// What the parser takes of `bytes`, which may be nothing until there are more.
  std::size_t put(std::string_view bytes) {
    boost::beast::error_code error;
    const std::size_t taken = parser->put(boost::asio::buffer(bytes.data(), bytes.size()), error);
    if (error && error != http::error::need_more) throw in_words(error);
    is_connected = method == "CONNECT" && parser->is_header_done();
    return taken;
  }

  HttpError in_words(const boost::beast::error_code& error) const {
    if (error == http::error::body_limit || error == http::error::buffer_overflow) return too_big();
    if (error == http::error::header_limit) {
      return {Kind::too_big, place + " answers with more than 64 KiB of headers. Is this the right server?"};
    }
    if (error == http::error::partial_message || error == http::error::end_of_stream)
      return closed_by(place, has_begun);
    return {Kind::bad_answer, place + " answers with what is no HTTP (" + error.message() +
                                  "). Is this the right port, and is it https?"};
  }

  HttpError too_big() const {
    return {Kind::too_big, place + " answers with more than " + base::format_bytes(max_body_bytes) +
                               ". Ask for less, or raise the limit."};
  }

  std::string place;
  std::string method;
  std::size_t max_body_bytes;
  std::optional<Parser> parser;
  std::string waiting;  // what the parser could not take yet: part of a line
  int interim_count = 0;
  bool is_connected = false;  // the header of an answer to CONNECT is there
  bool has_begun = false;
  bool has_rest = false;
};

AnswerReader::AnswerReader(std::string place, std::string_view method, std::size_t max_body_bytes)
    : impl_(std::make_unique<Impl>(std::move(place), method, max_body_bytes)) {}
AnswerReader::~AnswerReader() = default;

bool AnswerReader::has_begun() const { return impl_->has_begun; }
HttpError AnswerReader::cut() const { return closed_by(impl_->place, impl_->has_begun); }
HttpError AnswerReader::too_slow() const {
  return {Kind::timeout, impl_->place + (impl_->has_begun ? " did not finish its answer" : " did not answer") +
                             " in time. Is it overloaded?"};
}
bool AnswerReader::is_whole() const { return impl_->is_connected || impl_->parser->is_done(); }
bool AnswerReader::has_rest() const { return impl_->has_rest; }
bool AnswerReader::keeps() const { return impl_->parser->keep_alive(); }

void AnswerReader::take(std::string_view bytes) {
  Impl& in = *impl_;
  if (bytes.empty()) return;
  in.has_begun = true;
  std::string joined;
  if (!in.waiting.empty()) {
    joined.swap(in.waiting);
    joined += bytes;
    bytes = joined;
  }
  while (!bytes.empty() && !is_whole()) {
    const std::size_t taken = in.put(bytes);
    bytes.remove_prefix(taken);
    const unsigned status = in.parser->is_header_done() ? in.parser->get().result_int() : 0;
    if (status >= 100 && status < 200 && in.parser->is_done()) {
      if (status == 101 || ++in.interim_count > kMaxInterim) {
        throw HttpError(Kind::bad_answer, in.place + " does not answer the request (status " + std::to_string(status) +
                                              "). Is this the right server?");
      }
      in.begin();
      continue;
    }
    if (taken == 0) break;
  }
  if (is_whole()) {
    in.has_rest = !bytes.empty();
  } else {
    in.waiting = bytes;
  }
}

void AnswerReader::take_end() {
  if (is_whole()) return;
  if (!impl_->waiting.empty() || !impl_->parser->is_header_done()) throw closed_by(impl_->place, impl_->has_begun);
  boost::beast::error_code error;
  impl_->parser->put_eof(error);
  if (error) throw impl_->in_words(error);
}

HttpAnswer AnswerReader::answer() {
  HttpAnswer answer;
  const auto& message = impl_->parser->get();
  answer.status = static_cast<int>(message.result_int());
  for (const auto& field : message) answer.headers.emplace_back(text_of(field.name_string()), text_of(field.value()));
  answer.body = std::move(impl_->parser->get().body());

  const std::string_view encoding = answer.header("Content-Encoding");
  if (encoding.empty() || encoding == "identity" || answer.body.empty()) return answer;
  if (encoding != "gzip" && encoding != "x-gzip") {
    throw HttpError(Kind::bad_answer, impl_->place + " packs its answer in a way that was not asked for, not as gzip.");
  }
  std::string text;
  const Unpacked unpacked = gunzip(answer.body, impl_->max_body_bytes, text);
  if (unpacked == Unpacked::too_big) throw impl_->too_big();
  if (unpacked == Unpacked::broken) {
    throw HttpError(Kind::bad_answer, impl_->place + " answers with a damaged gzip. Its log may say why.");
  }
  answer.body = std::move(text);
  return answer;
}

std::string_view HttpAnswer::header(std::string_view name) const {
  for (const auto& [field, value] : headers) {
    if (boost::beast::iequals({field.data(), field.size()}, {name.data(), name.size()})) return value;
  }
  return {};
}

}  // namespace cgmm::net
