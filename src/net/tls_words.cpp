// SPDX-License-Identifier: Apache-2.0
#include "net/tls_words.hpp"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <ctime>
#include <memory>

#include "base/text.hpp"
#include "base/time.hpp"
#include "base/units.hpp"

namespace cgmm::net {
namespace {

constexpr int kMaxNames = 5;

/// "" where it can't be told.
std::string time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ::ASN1_TIME_to_tm(time, &parts) != 1) return "";
  return base::format_time(std::int64_t{::timegm(&parts)} * base::kSecond_us);
}

std::string text_of(const ASN1_STRING* text) {
  const unsigned char* const data = ::ASN1_STRING_get0_data(text);
  return {data, data + ::ASN1_STRING_length(text)};
}

std::string name_of(const GENERAL_NAME& name) {
  if (name.type == GEN_DNS) return base::escape_for_terminal(text_of(name.d.dNSName));
  if (name.type != GEN_IPADD) return "";
  const std::string bytes = text_of(name.d.iPAddress);
  std::array<char, INET6_ADDRSTRLEN> address{};
  const int family = bytes.size() == sizeof(in_addr) ? AF_INET : AF_INET6;
  if (family == AF_INET6 && bytes.size() != sizeof(in6_addr)) return "";
  return ::inet_ntop(family, bytes.data(), address.data(), address.size()) != nullptr ? address.data() : "";
}

/// "a.example, b.example and 3 more"; "" where it names none.
std::string names_in(const X509* certificate) {
  if (certificate == nullptr) return "";
  const std::unique_ptr<GENERAL_NAMES, void (*)(GENERAL_NAMES*)> names(
      static_cast<GENERAL_NAMES*>(::X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
      ::GENERAL_NAMES_free);
  std::string list;
  const int count = names ? sk_GENERAL_NAME_num(names.get()) : 0;
  for (int i = 0; i < count && i < kMaxNames; ++i) {
    const std::string name = name_of(*sk_GENERAL_NAME_value(names.get(), i));
    if (!name.empty()) list += (list.empty() ? "" : ", ") + name;
  }
  if (count > kMaxNames) list += " and " + std::to_string(count - kMaxNames) + " more";
  return list;
}

std::string subject_of(const X509* certificate) {
  std::array<char, 256> line{};
  if (certificate != nullptr) ::X509_NAME_oneline(::X509_get_subject_name(certificate), line.data(), int{line.size()});
  return base::escape_for_terminal(line.data());
}

}  // namespace

std::string certificate_in_words(const std::string& host, const std::string& place, long error, X509* at,
                                 bool is_its_own) {
  const std::string which =
      is_its_own ? "The certificate of " + place : "The authority of " + place + " (" + subject_of(at) + ")";
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED: {
      const std::string end = at != nullptr ? time_of(::X509_get0_notAfter(at)) : "";
      return which + " has expired" + (end.empty() ? "" : " at " + end) +
             ". Renew it on the server, or look at this machine's clock.";
    }
    case X509_V_ERR_CERT_NOT_YET_VALID: {
      const std::string begin = at != nullptr ? time_of(::X509_get0_notBefore(at)) : "";
      return which + " is not valid yet" + (begin.empty() ? "" : ", but from " + begin + " on") +
             ". Look at this machine's clock.";
    }
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: {
      const std::string names = names_in(at);
      return "The certificate of " + place + " is not for " + host + (names.empty() ? "" : ", but for " + names) +
             ". Use a name in `url` that it is for, or give the server another certificate.";
    }
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return "The certificate of " + place +
             " is from an authority that is not trusted here. Name the authority's certificate in `ca_file`.";
    default:
      return which + " is not accepted: " + ::X509_verify_cert_error_string(error) + ". Change it on the server.";
  }
}

std::string openssl_reason() {
  const unsigned long error = ::ERR_peek_last_error();
  const char* const reason = error != 0 ? ::ERR_reason_error_string(error) : nullptr;
  return reason != nullptr ? reason : "unknown error";
}

std::string tls_in_words(const std::string& place, bool has_client_cert) {
  const unsigned long error = ::ERR_peek_last_error();
  switch (ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) : 0) {
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_UNEXPECTED_MESSAGE:
      return place + " does not speak TLS. Is this the port for https, or should `url` begin with http://?";
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
    case SSL_R_UNSUPPORTED_PROTOCOL:
      return place + " only speaks versions of TLS before 1.2, which are not safe. Turn on TLS 1.2 on the server.";
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
      return place + " wants a client certificate. Set `client_cert_file` and `client_key_file`.";
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
      if (!has_client_cert) {
        return place + " refuses the connection. If it wants a client certificate, set `client_cert_file` and " +
               "`client_key_file`.";
      }
      break;
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
    case SSL_R_TLSV1_ALERT_DECRYPT_ERROR:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
      if (has_client_cert) {
        return place + " refuses the client certificate (" + openssl_reason() +
               "). Renew `client_cert_file`, or let the server trust its authority.";
      }
      break;
    default:
      break;
  }
  return "TLS with " + place + " fails: " + openssl_reason() + ". The server's log may say why.";
}

}  // namespace cgmm::net
