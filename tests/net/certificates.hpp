// SPDX-License-Identifier: Apache-2.0
#pragma once

// Certificates of a test's own authority, and the TLS of a server that has one.

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>

#include "support/temp_dir.hpp"

namespace cgmm::test {

using ServerTls = std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)>;

/// An authority with a directory for its own certificate (`ca()`) and for those it signs.
class Authority {
 public:
  explicit Authority(const std::string& name = "Test authority")
      : key_(make_key()), certificate_(make(name, "", 0, 10)) {
    write_certificate("ca", certificate_.get());
  }

  std::filesystem::path ca() const { return certificate("ca"); }
  std::filesystem::path certificate(const std::string& file) const { return dir_.path() / (file + ".pem"); }
  std::filesystem::path key(const std::string& file) const { return dir_.path() / (file + ".key"); }

  /// Makes certificate(file) and key(file). `names` as in "DNS:localhost,IP:127.0.0.1"; days from now.
  void sign(const std::string& file, const std::string& names, int from_day = -1, int to_day = 10) {
    const Key key = make_key();
    write_certificate(file, make("test " + file, names, from_day, to_day, key.get()).get());
    const File out(this->key(file));
    ::PEM_write_PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  }

  /// Writes key(from) to key(to), with a passphrase.
  void lock(const std::string& from, const std::string& to, const std::string& passphrase) const {
    const File in(key(from), "re");
    const Key key(::PEM_read_PrivateKey(in.get(), nullptr, nullptr, nullptr), ::EVP_PKEY_free);
    const File out(this->key(to));
    ::PEM_write_PrivateKey(out.get(), key.get(), ::EVP_aes_128_cbc(), nullptr, 0, nullptr,
                           const_cast<char*>(passphrase.c_str()));
  }

  ServerTls server(const std::string& file, bool wants_client_certificate = false, int max_version = 0) const {
    ServerTls tls(::SSL_CTX_new(::TLS_server_method()), ::SSL_CTX_free);
    ::SSL_CTX_set_max_proto_version(tls.get(), max_version);
    if (::SSL_CTX_use_certificate_file(tls.get(), certificate(file).c_str(), SSL_FILETYPE_PEM) != 1 ||
        ::SSL_CTX_use_PrivateKey_file(tls.get(), key(file).c_str(), SSL_FILETYPE_PEM) != 1) {
      throw std::runtime_error("the test's certificate is not good");
    }
    if (wants_client_certificate) {
      ::SSL_CTX_load_verify_file(tls.get(), ca().c_str());
      ::SSL_CTX_set_verify(tls.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    }
    return tls;
  }

 private:
  using Key = std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)>;
  using Certificate = std::unique_ptr<X509, void (*)(X509*)>;
  class File {
   public:
    explicit File(const std::filesystem::path& path, const char* mode = "we") : file_(std::fopen(path.c_str(), mode)) {}
    ~File() { std::fclose(file_); }
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    std::FILE* get() const { return file_; }

   private:
    std::FILE* file_;
  };

  static Key make_key() { return {EVP_EC_gen("P-256"), ::EVP_PKEY_free}; }

  static void extend(X509* certificate, X509* issuer, int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* const extension = ::X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    if (extension == nullptr) throw std::runtime_error("not a good extension: " + value);
    ::X509_add_ext(certificate, extension, -1);
    ::X509_EXTENSION_free(extension);
  }

  /// Without `of_key`: the authority's own.
  Certificate make(const std::string& name, const std::string& names, int from_day, int to_day,
                   EVP_PKEY* of_key = nullptr) {
    Certificate made(::X509_new(), ::X509_free);
    X509* const at = made.get();
    X509* const issuer = of_key == nullptr ? at : certificate_.get();
    ::X509_set_version(at, 2);
    ::ASN1_INTEGER_set(::X509_get_serialNumber(at), ++serial_);
    ::X509_gmtime_adj(::X509_getm_notBefore(at), 0);
    ::X509_time_adj_ex(::X509_getm_notBefore(at), from_day, 0, nullptr);
    ::X509_time_adj_ex(::X509_getm_notAfter(at), to_day, 0, nullptr);
    ::X509_set_pubkey(at, of_key == nullptr ? key_.get() : of_key);
    ::X509_NAME_add_entry_by_txt(::X509_get_subject_name(at), "CN", MBSTRING_UTF8,
                                 reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    ::X509_set_issuer_name(at, ::X509_get_subject_name(issuer));
    if (of_key == nullptr) {
      extend(at, issuer, NID_basic_constraints, "critical,CA:TRUE");
      extend(at, issuer, NID_key_usage, "critical,keyCertSign");
    } else if (!names.empty()) {
      extend(at, issuer, NID_subject_alt_name, names);
    }
    ::X509_sign(at, key_.get(), ::EVP_sha256());
    return made;
  }

  void write_certificate(const std::string& file, X509* written) const {
    const File out(certificate(file));
    ::PEM_write_X509(out.get(), written);
  }

  TempDir dir_;
  long serial_ = 0;
  Key key_;
  Certificate certificate_;
};

}  // namespace cgmm::test
