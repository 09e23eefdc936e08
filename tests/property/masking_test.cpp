// Whatever the secrets, their encodings and the chunks: no piece of one leaves, and nothing else is touched.
#include "worker/masking/masker.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "base/encoding.hpp"
#include "platform/json/json.hpp"
#include "worker/masking/secret_forms.hpp"

namespace dossier::worker::masking {
namespace {

using Random = std::mt19937_64;
constexpr std::size_t kPiece = 8;

std::size_t below(Random& random, std::size_t end) { return random() % end; }

std::string random_text(Random& random, std::size_t length, std::string_view alphabet) {
  std::string text;
  while (text.size() < length) text += alphabet[below(random, alphabet.size())];
  return text;
}

// Some of letters and digits, some with signs that encodings change, some of any bytes.
std::string random_secret(Random& random, bool line_ends) {
  static const std::string kAll = [] {
    std::string all;
    for (int byte = 0; byte < 256; ++byte)
      if (byte != '*') all += static_cast<char>(byte);  // of which masks are made
    return all;
  }();
  constexpr std::string_view kAlphabets[] = {"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
                                             "aA0 !\"#$%&'()+,-./:;<=>?@[\\]^_`{|}~", "ab"};
  const std::size_t length = kPiece + below(random, 60);
  const std::size_t kind = below(random, 4);
  std::string secret = random_text(random, length, kind == 3 ? std::string_view(kAll) : kAlphabets[kind]);
  if (!line_ends)
    for (char& c : secret) c = c == '\n' || c == '\r' ? '-' : c;
  secret.front() = 'x';  // no space at its ends, which would not count
  secret.back() = 'y';
  return secret;
}

// An encoder of this test's own, which knows nothing of places.
std::string base64(std::string_view bytes, bool url_safe) {
  std::string text = to_base64url(bytes);
  if (url_safe) return text;
  std::replace(text.begin(), text.end(), '-', '+');
  std::replace(text.begin(), text.end(), '_', '/');
  while (text.size() % 4 != 0) text += '=';
  return text;
}

std::string url_encoded(std::string_view bytes) {
  std::string text;
  for (const unsigned char c : bytes) {
    if (std::isalnum(c) != 0 && c < 0x80)
      text += static_cast<char>(c);
    else
      text += "%" + to_hex(std::string(1, static_cast<char>(c)));
  }
  return text;
}

std::string wrapped(std::string_view text, std::size_t width) {
  std::string lines;
  for (std::size_t at = 0; at < text.size(); at += width) lines += std::string(text.substr(at, width)) + "\n";
  return lines;
}

// As a program would print it.
std::string encoded(Random& random, const std::string& secret) {
  const std::string before = random_text(random, below(random, 7), "pqr:"), behind = random_text(random, below(random, 7), "pqr:");
  switch (below(random, 6)) {
    case 0: return secret;
    case 1: return base64(before + secret + behind, false);
    case 2: return base64(before + secret + behind, true);
    case 3: return url_encoded(secret);
    case 4: return wrapped(base64(before + secret + behind, false), 20 + below(random, 60));
    default: return json::write(json::Value(secret));
  }
}

// All pieces of kPiece bytes of every form.
std::vector<std::string> pieces(const std::vector<std::string>& secrets) {
  std::vector<std::string> all;
  for (const auto& secret : secrets) {
    for (std::string form : secret_forms(secret)) {
      std::erase_if(form, [](char c) { return c == '\r' || c == '\n'; });
      for (std::size_t at = 0; at + kPiece <= form.size(); ++at) all.push_back(form.substr(at, kPiece));
    }
  }
  return all;
}

struct Sample {
  std::vector<std::string> secrets;
  std::string text;   // with secrets in it
  std::string plain;  // the same without
};

Sample sample(Random& random, bool line_ends) {
  Sample sample;
  for (std::size_t i = 0; i < 1 + below(random, 4); ++i) sample.secrets.push_back(random_secret(random, line_ends));
  for (std::size_t i = 0; i < 1 + below(random, 8); ++i) {
    const std::string filler = " " + random_text(random, below(random, 50), "mnop \n.,;é─") + " ";
    sample.plain += filler;
    sample.text += filler + encoded(random, sample.secrets[below(random, sample.secrets.size())]);
  }
  return sample;
}

std::shared_ptr<const Secrets> make(const std::vector<std::string>& values) {
  auto secrets = Secrets::make(values);
  EXPECT_TRUE(secrets);
  return *secrets;
}

void expect_nothing_left(const Sample& sample, const std::string& out, std::uint64_t seed) {
  std::string joined = out;  // what stands on two lines counts as well
  std::erase_if(joined, [](char c) { return c == '\r' || c == '\n'; });
  for (const auto& piece : pieces(sample.secrets)) {
    // A piece that the text has without any secret ("mnopmnop") is none.
    if (sample.plain.find(piece) != std::string::npos) continue;
    ASSERT_EQ(joined.find(piece), std::string::npos) << "seed " << seed << " left \"" << piece << "\" of\n" << sample.text << "\nin\n" << out;
  }
}

TEST(MaskingProperty, no_eight_bytes_of_a_secret_leave_however_it_is_encoded_and_cut_into_chunks) {
  for (std::uint64_t seed = 1; seed <= 3'000; ++seed) {
    Random random(seed);
    const Sample one = sample(random, true);
    const auto secrets = make(one.secrets);
    const std::string whole = mask_text(secrets, one.text);
    expect_nothing_left(one, whole, seed);
    Masker masker(secrets);
    std::string out;
    for (std::size_t at = 0; at < one.text.size();) {
      const std::size_t size = 1 + below(random, below(random, 4) == 0 ? 200 : 9);
      masker.feed(std::string_view(one.text).substr(at, size), out);
      at += size;
    }
    masker.finish(out);
    ASSERT_EQ(out, whole) << "seed " << seed;
  }
}

TEST(MaskingProperty, no_eight_bytes_of_a_secret_leave_line_by_line) {
  for (std::uint64_t seed = 1; seed <= 3'000; ++seed) {
    Random random(seed);
    const Sample one = sample(random, false);  // a short line of a value of several lines may leave
    Masker masker(make(one.secrets));
    std::string out;
    std::string_view rest = one.text;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      std::string_view line = rest.substr(0, end);
      // Now and then a line comes in pieces, as long ones do.
      while (line.size() > 2 && below(random, 3) == 0) {
        const std::size_t cut = 1 + below(random, line.size() - 1);
        out += masker.line(line.substr(0, cut), true);
        line.remove_prefix(cut);
      }
      (out += masker.line(line)) += '\n';
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    expect_nothing_left(one, out, seed);
  }
}

TEST(MaskingProperty, a_text_without_secrets_leaves_as_it_came) {
  for (std::uint64_t seed = 1; seed <= 3'000; ++seed) {
    Random random(seed);
    std::vector<std::string> values;
    values.reserve(4);
    for (std::size_t i = 0; i < 4; ++i) values.push_back("x" + random_text(random, 12 + below(random, 30), "ABCDEFG01234") + "y");
    const auto secrets = make(values);
    // Beginnings of the secrets are in it, and backslashes, line ends and bytes of any kind.
    std::string text;
    for (std::size_t i = 0; i < 60; ++i) {
      text += random_text(random, below(random, 9), "ABC xy\\nr\r\n\xe2\x80\xa6\xff" + std::string(1, '\0'));
      text += values[below(random, 4)].substr(0, below(random, kPiece)) + " z";
    }
    ASSERT_EQ(mask_text(secrets, text), text) << "seed " << seed;
    Masker masker(secrets);
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t size = 1 + below(random, 11);
      masker.feed(std::string_view(text).substr(at, size), out);
      at += size;
    }
    masker.finish(out);
    ASSERT_EQ(out, text) << "seed " << seed;
  }
}

}  // namespace
}  // namespace dossier::worker::masking
