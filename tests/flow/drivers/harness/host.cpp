// The bus of a small system: the array, an AXI4-Stream FIFO (PG080, store and forward) on its streams, and two wrong addresses.
#include "access.h"
#include "board.h"

static Board *board;
static unsigned errors;

// The FIFO's registers. Data leave the transmit side when their length is written; the receive side shows whole packets only.
class Fifo {
public:
    uint32_t read(uint32_t offset) {
        switch (offset) {
        case 0x0C: return FIFO_DEPTH - static_cast<uint32_t>(written.size() + board->waiting());
        case 0x1C: return occupancy();
        case 0x20: return take();
        case 0x24: return length();
        default: return 0;
        }
    }

    void write(uint32_t offset, uint32_t value) {
        if (offset == 0x10) written.push_back(value);
        if (offset == 0x14) send(value);
        if ((offset == 0x08 || offset == 0x18) && value == 0xA5) written.clear(), word = 0, board->forget();
    }

private:
    std::vector<uint32_t> written;
    size_t word = 0;

    void send(uint32_t length) {
        Bytes bytes;
        for (uint32_t i = 0; i < length && i / 4 < written.size(); i++) bytes.push_back(static_cast<uint8_t>(written[i / 4] >> 8 * (i % 4)));
        written.clear();
        board->send(bytes);
    }

    uint32_t occupancy() const {
        size_t words = 0;
        for (const Bytes &packet : board->packets) words += (packet.size() + 3) / 4;
        return static_cast<uint32_t>(words);
    }

    uint32_t length() const { return board->packets.empty() ? 0 : static_cast<uint32_t>(board->packets.front().size()); }

    uint32_t take() {
        if (board->packets.empty()) return 0;
        const Bytes &packet = board->packets.front();
        uint32_t value = 0;
        for (size_t i = 0; i < 4 && 4 * word + i < packet.size(); i++) value |= static_cast<uint32_t>(packet[4 * word + i]) << 8 * i;
        if (4 * ++word >= packet.size()) word = 0, board->packets.pop_front();
        return value;
    }
};

static Fifo fifo;

static void wait_for_bus() {
    for (int i = 0; i < 3; i++) board->tick();
}

uint32_t zeroskip_read32(uintptr_t address) {
    uint32_t value = 0;
    if (address - ARRAY_BASE < 0x10000000u) {
        if (board->read(static_cast<uint32_t>(address - ARRAY_BASE), value) != Board::OKAY) errors++;
        return value;
    }
    wait_for_bus();
    if (address - FIFO_BASE < 0x1000u) return fifo.read(static_cast<uint32_t>(address - FIFO_BASE));
    if (address == OLD_ARRAY_BASE) return 0x5A534B50u;
    if (address == OLD_ARRAY_BASE + 4) return 0x00010005u;
    return 0;
}

void zeroskip_write32(uintptr_t address, uint32_t value) {
    if (address - ARRAY_BASE < 0x10000000u) {
        if (board->write(static_cast<uint32_t>(address - ARRAY_BASE), value) != Board::OKAY) errors++;
        return;
    }
    wait_for_bus();
    if (address - FIFO_BASE < 0x1000u) fifo.write(static_cast<uint32_t>(address - FIFO_BASE), value);
}

unsigned bus_errors(void) { return errors; }

int main() {
    Board simulated;
    board = &simulated;
    return run_host();
}
