// How jemalloc, which takes the C library's malloc's place in this program (cmake/libraries.cmake), treats what was freed.

// Read by jemalloc when it starts; a program without it has a word that nobody reads. Freed pages go back to the system
// within a second: with ten, its own choice, a projector that catches up holds a tenth more, and is no faster.
extern "C" {
extern const char* const malloc_conf;
const char* const malloc_conf = "dirty_decay_ms:1000,muzzy_decay_ms:0";
}
