// The RTL with a clock, a bus master on its register port, a source that never pauses and a sink that is always ready.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "Vzeroskip.h"
#include "verilated.h"

#ifndef STREAM_BYTES
#error "the build says how wide the streams are"
#endif

using Bytes = std::vector<uint8_t>;

class Board {
public:
    static constexpr int OKAY = 0, SILENT = 4;
    uint64_t cycles = 0;
    std::deque<Bytes> packets;  // received, whole

    Board() {
        context.randReset(2);  // registers and memories come up with anything
        context.randSeed(1);
        top = std::make_unique<Vzeroskip>(&context);
        top->clk = 0;
        top->rst = 1;
        top->s_axil_awvalid = top->s_axil_wvalid = top->s_axil_arvalid = 0;  // ports come up with anything, too
        top->s_axil_awprot = top->s_axil_arprot = 0;
        top->s_axil_wstrb = 0xF;
        top->s_axil_bready = top->s_axil_rready = 1;
        top->m_axis_tready = 1;
        for (int i = 0; i < 4; i++) tick();
        top->rst = 0;
        tick();
    }

    ~Board() { top->final(); }

    // One clock cycle. All outputs are functions of registers, so what is valid and ready before the edge is taken by it.
    void tick() {
        top->s_axis_tvalid = !source.empty();
        if (!source.empty()) {
            top->s_axis_tdata = source.front().data;
            top->s_axis_tlast = source.front().last;
        }
        top->eval();
        const bool sent = top->s_axis_tvalid && top->s_axis_tready;
        if (top->m_axis_tvalid && top->m_axis_tready && !top->rst) {
            for (int i = 0; i < STREAM_BYTES; i++)
                if (top->m_axis_tkeep >> i & 1) open.push_back(static_cast<uint8_t>(static_cast<uint64_t>(top->m_axis_tdata) >> 8 * i));
            if (top->m_axis_tlast) packets.push_back(std::move(open)), open = Bytes();
        }
        top->clk = 1;
        top->eval();
        if (sent) source.pop_front();
        top->clk = 0;
        top->eval();
        cycles++;
    }

    void send(const Bytes &sample) {
        for (size_t at = 0; at < sample.size(); at += STREAM_BYTES) {
            Beat beat{0, at + STREAM_BYTES >= sample.size()};
            for (size_t i = 0; i < STREAM_BYTES && at + i < sample.size(); i++) beat.data |= static_cast<uint64_t>(sample[at + i]) << 8 * i;
            source.push_back(beat);
        }
    }

    size_t waiting() const { return source.size(); }
    void forget() { source.clear(), packets.clear(), open.clear(); }

    // The bus's answer: 0 OKAY, 2 SLVERR, SILENT.
    int write(uint32_t address, uint32_t value) {
        top->s_axil_awaddr = address;
        top->s_axil_wdata = value;
        top->s_axil_awvalid = top->s_axil_wvalid = 1;
        for (int i = 0; i < PATIENCE; i++) {
            const bool addressed = top->s_axil_awvalid && top->s_axil_awready, filled = top->s_axil_wvalid && top->s_axil_wready;
            const bool answered = top->s_axil_bvalid;
            const int answer = top->s_axil_bresp;
            tick();
            if (addressed) top->s_axil_awvalid = 0;
            if (filled) top->s_axil_wvalid = 0;
            if (answered) return answer;
        }
        return SILENT;
    }

    int read(uint32_t address, uint32_t &value) {
        top->s_axil_araddr = address;
        top->s_axil_arvalid = 1;
        for (int i = 0; i < PATIENCE; i++) {
            const bool addressed = top->s_axil_arvalid && top->s_axil_arready, answered = top->s_axil_rvalid;
            const int answer = top->s_axil_rresp;
            value = top->s_axil_rdata;
            tick();
            if (addressed) top->s_axil_arvalid = 0;
            if (answered) return answer;
        }
        return SILENT;
    }

private:
    struct Beat {
        uint64_t data;
        bool last;
    };
    static constexpr int PATIENCE = 1000;
    VerilatedContext context;
    std::unique_ptr<Vzeroskip> top;
    std::deque<Beat> source;
    Bytes open;
};
