// A TCP proxy on loopback that fails as networks do: connections that are cut, that are held up for a while, and that are
// half open: they stay, and nothing ever comes through them again. One thread of its own; calls from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <thread>

namespace dossier::test {

class TcpProxy {
 public:
  static constexpr std::size_t kMaxConnections = 500;  // more are refused

  // Listens at once; connections are made to `target` (a port of 127.0.0.1), which may be named later. Throws
  // std::runtime_error if it can't listen.
  explicit TcpProxy(std::uint16_t target = 0);
  ~TcpProxy();
  TcpProxy(const TcpProxy&) = delete;
  TcpProxy& operator=(const TcpProxy&) = delete;

  std::uint16_t port() const { return port_; }
  void set_target(std::uint16_t target) { target_ = target; }
  std::size_t connections();

  // Every connection ends with a reset; new ones go through.
  void cut();
  // Nothing moves, new connections included, until resume(); then everything that waited goes through.
  void pause();
  void resume();
  // Both ends of every present connection hear nothing more from each other, and nobody tells them. New ones go through.
  void leave_half_open();
  // New connections are reset until admit().
  void refuse();
  void admit();

 private:
  struct Half {
    int fd = -1;
    std::string to_send;  // bounded: nothing is read from the other side while there is something
    bool read_over = false;
    bool end_passed_on = false;
  };
  struct Link {
    Half client;
    Half server;
    bool dead = false;  // half open
  };
  void run();
  void accept_one();
  static bool move(Half& from, Half& to, short from_events, short to_events);
  static void reset(Link& link);
  void wake();
  bool was_woken();

  std::uint16_t port_ = 0;
  std::atomic<std::uint16_t> target_{0};
  int listener_ = -1;
  int wake_read_ = -1;
  int wake_write_ = -1;
  std::mutex mutex_;
  std::list<Link> links_;
  bool paused_ = false;
  bool refusing_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace dossier::test
