// The board behind a pipe, one request and one answer a line:
//   r ADDRESS             → VALUE ANSWER
//   w ADDRESS VALUE …     → ANSWER         of the first write that is not OKAY, else 0
//   s COUNT CYCLES HEX …  → HEX …          so many packets, or those that came before so many cycles had gone by without one
//   f                     → 0              forget what is on its way outside the array
#include <iostream>
#include <sstream>
#include <string>

#include "board.h"

static const char DIGITS[] = "0123456789abcdef";

static Bytes from_hex(const std::string &text) {
    Bytes bytes;
    for (size_t i = 0; i + 1 < text.size(); i += 2) bytes.push_back(static_cast<uint8_t>(std::stoul(text.substr(i, 2), nullptr, 16)));
    return bytes;
}

static void answer_packets(Board &board, std::istringstream &words) {
    size_t count;
    uint64_t patience;
    std::string text;
    words >> count >> patience;
    while (words >> text) board.send(from_hex(text));
    for (uint64_t last = board.cycles; board.packets.size() < count && board.cycles - last < patience;) {
        const size_t before = board.packets.size();
        board.tick();
        if (board.packets.size() > before) last = board.cycles;
    }
    for (size_t i = 0; i < count && !board.packets.empty(); i++) {
        if (i) std::cout << ' ';
        for (uint8_t byte : board.packets.front()) std::cout << DIGITS[byte >> 4] << DIGITS[byte & 15];
        board.packets.pop_front();
    }
    std::cout << std::endl;
}

int main() {
    Board board;
    std::string line, kind;
    while (std::getline(std::cin, line)) {
        std::istringstream words(line);
        uint32_t address = 0, value = 0;
        words >> kind >> std::hex;
        if (kind == "r") {
            words >> address;
            const int answer = board.read(address, value);
            std::cout << std::hex << value << ' ' << answer << std::endl;
        } else if (kind == "w") {
            int answer = Board::OKAY;
            for (words >> address; words >> value; address += 4)
                if (const int found = board.write(address, value); answer == Board::OKAY) answer = found;
            std::cout << answer << std::endl;
        } else if (kind == "s") {
            words >> std::dec;
            answer_packets(board, words);
        } else {
            board.forget();
            std::cout << 0 << std::endl;
        }
    }
}
