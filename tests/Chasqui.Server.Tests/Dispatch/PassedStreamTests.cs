using System.Buffers;
using System.Text;

namespace Chasqui.Server.Tests.Dispatch;

/// <summary>What is passed on of a streamed answer, held back, remembered and understood, however it is cut into parts.</summary>
public sealed class PassedStreamTests
{
    private const string Lines = """
        {"response":"Once é","done":false}
        {"response":" upon","done":false}
        {"response":"","done":true,"prompt_eval_count":7,"eval_count":2}

        """;

    private const string Chat = """
        data: {"choices":[{"delta":{"content":"é\"finish_reason\":\"stop\""},"finish_reason":null}]}

        data: {"choices":[{"delta":{},"finish_reason":"stop"}]}

        data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2}}

        data: [DONE]


        """;

    private const string Messages = """
        event: message_start
        data: {"type":"message_start","message":{"usage":{"input_tokens":7,"output_tokens":1}}}

        event: ping
        data: {"type":"ping"}

        event: content_block_delta
        data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"message_stop"}}

        event: message_delta
        data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}

        event: message_stop
        data: {"type":"message_stop"}


        """;

    private const string Responses = """
        event: response.output_text.delta
        data: {"type":"response.output_text.delta","delta":"response.completed"}

        event: response.completed
        data: {"sequence_number":1,"type":"response.completed","response":{"output":[],"usage":{"input_tokens":7,"output_tokens":2}}}


        """;

    public static TheoryData<string, bool> Streams => new() { { Lines, true }, { Chat, false }, { Messages, false }, { Responses, false } };

    /// <summary>The forms of one stream of events that the standard allows.</summary>
    public static TheoryData<string> Forms => new("lf", "crlf", "cr", "mark", "comments", "no space", "several lines", "other fields");

    [Theory]
    [MemberData(nameof(Streams))]
    public void Wherever_it_is_cut_whole_parts_alone_go_on_and_in_the_end_all_of_it(string text, bool isLines)
    {
        var bytes = Bytes(text);
        for (var cut = 0; cut <= bytes.Length; cut++)
        {
            var usage = new UsageReader();
            using var stream = new PassedStream(isLines, 1, remembers: true, usage);
            var sent = new ArrayBufferWriter<byte>();
            foreach (var part in new[] { bytes.AsMemory(0, cut), bytes.AsMemory(cut) })
            {
                stream.Write(sent, part.Span);
                Assert.True(sent.WrittenCount == 0 || sent.WrittenSpan.EndsWith(isLines ? "\n"u8 : "\n\n"u8));
                Assert.True(stream.Sent!.Value.Span.SequenceEqual(sent.WrittenSpan));
            }
            stream.Complete(sent, "n0");
            Assert.True(bytes.AsSpan().SequenceEqual(sent.WrittenSpan));
            Assert.True(stream.IsWhole && stream.IsEnded);
            Assert.Equal((7, 2), (usage.PromptTokens, usage.CompletionTokens));
        }
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Every_form_of_events_is_read_wherever_it_is_cut(string form)
    {
        var bytes = InForm(Chat, form);
        for (var cut = 0; cut <= bytes.Length; cut++)
        {
            var usage = new UsageReader();
            using var stream = new PassedStream(isLines: false, 1, remembers: true, usage);
            var sent = new ArrayBufferWriter<byte>();
            stream.Write(sent, bytes.AsSpan(0, cut));
            stream.Write(sent, bytes.AsSpan(cut));
            stream.Complete(sent, "n0");

            Assert.True((form == "mark" ? bytes.AsSpan(3) : bytes).SequenceEqual(sent.WrittenSpan), $"cut at {cut}");
            Assert.Equal((4, 1, true), (stream.Parts, stream.Finishes, stream.IsEnded));
            Assert.Equal((7, 2), (usage.PromptTokens, usage.CompletionTokens));
        }
    }

    [Theory]
    [MemberData(nameof(Streams))]
    public void An_answer_that_is_cut_off_anywhere_has_failed_and_nothing_of_its_last_part_went_out(string text, bool isLines)
    {
        var bytes = Bytes(text);
        // Up to the part that says why it is over, which is the first that says all.
        var finish = text.IndexOf(isLines ? "{\"response\":\"\"" : text == Chat ? "data: {\"choices\":[{\"delta\":{}" : text == Messages ? "event: message_delta" : "event: response.completed\n", StringComparison.Ordinal);
        for (var length = 0; length <= Encoding.UTF8.GetByteCount(text.AsSpan(0, finish)); length++)
        {
            using var stream = new PassedStream(isLines, 1, remembers: false, new UsageReader());
            var sent = new ArrayBufferWriter<byte>();
            stream.Write(sent, bytes.AsSpan(0, length));
            Assert.Contains("n0", Assert.Throws<EngineFailedException>(() => stream.Complete(sent, "n0")).Message, StringComparison.Ordinal);
            Assert.False(stream.BreakOff(sent));
            Assert.True(sent.WrittenCount == 0 || sent.WrittenSpan.EndsWith(isLines ? "\n"u8 : "\n\n"u8), Encoding.UTF8.GetString(sent.WrittenSpan));
        }
    }

    [Theory]
    [InlineData("""data: {"choices":[{"delta":{"content":"a"},"finish_reason":""}]}""", false)]
    [InlineData("""data: {"type":"message_delta","delta":{"stop_reason":""}}""", false)]
    [InlineData("""data: {"type":"message_delta","delta":{"stop_reason":null}}""", false)]
    [InlineData("""{"message":{"content":"","tool_calls":[{"function":{"name":"f","arguments":{"done":true}}}]},"done":false,"done_reason":""}""", true)]
    public void What_only_looks_like_an_end_is_none(string part, bool isLines)
    {
        using var stream = new PassedStream(isLines, 1, remembers: false, new UsageReader());
        var sent = new ArrayBufferWriter<byte>();
        stream.Write(sent, Bytes(part + "\n\n"));

        Assert.False(stream.IsWhole);
        Assert.Throws<EngineFailedException>(() => stream.Complete(sent, "n0"));
    }

    [Fact]
    public void With_several_choices_the_last_of_them_is_the_end()
    {
        using var stream = new PassedStream(isLines: false, 2, remembers: false, new UsageReader());
        var sent = new ArrayBufferWriter<byte>();
        stream.Write(sent, Bytes("data: {\"choices\":[{\"index\":1,\"finish_reason\":\"stop\"}]}\n\n"));
        Assert.False(stream.IsWhole);
        stream.Write(sent, Bytes("data: {\"choices\":[{\"index\":0,\"finish_reason\":\"stop\"}]}\n\n"));
        Assert.True(stream.IsWhole);
    }

    [Theory]
    [InlineData("{\"error\":\"out of memory\"}\n", "out of memory", true)]
    [InlineData("data: {\"error\":{\"message\":\"out of memory\"}}\n\ndata: [DONE]\n\n", "out of memory", false)]
    [InlineData("event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"out of memory\"}}\n\n", "out of memory", false)]
    [InlineData("data: {\"type\":\"response.failed\",\"response\":{\"error\":{\"message\":\"out of memory\"}}}\n\n", "out of memory", false)]
    [InlineData("data: {\"object\":\"error\",\"message\":\"out of memory\"}\n\n", "out of memory", false)]
    [InlineData("error: {\"message\":\"out of memory\"}\n\n", "out of memory", false)]
    public void An_error_is_held_back_for_the_node_that_goes_on_and_told_in_its_own_words_where_there_is_none(string error, string message, bool isLines)
    {
        using var stream = new PassedStream(isLines, 1, remembers: true, new UsageReader());
        var sent = new ArrayBufferWriter<byte>();

        Assert.Equal(message, Assert.Throws<EngineFailedException>(() => stream.Write(sent, Bytes(error))).Message);
        Assert.Equal(0, sent.WrittenCount);

        Assert.True(stream.BreakOff(sent));
        Assert.Equal(error, Encoding.UTF8.GetString(sent.WrittenSpan));
    }

    [Fact]
    public void What_is_too_long_to_be_held_goes_on_as_it_comes_and_is_not_judged()
    {
        using var stream = new PassedStream(isLines: false, 1, remembers: true, new UsageReader());
        var sent = new ArrayBufferWriter<byte>();
        stream.Write(sent, "data: a"u8);
        Assert.Equal(0, sent.WrittenCount);
        stream.Write(sent, new byte[1 << 20]);
        Assert.Equal(7 + (1 << 20), sent.WrittenCount);
        stream.Write(sent, "rest\n\n: ping\n"u8);
        stream.Complete(sent, "n0");

        Assert.Null(stream.Sent);
        Assert.Equal(7 + (1 << 20) + 13, sent.WrittenCount);
    }

    [Fact]
    public void A_comment_is_passed_on_at_once_and_is_no_part_of_the_answer()
    {
        using var stream = new PassedStream(isLines: false, 1, remembers: false, new UsageReader());
        var sent = new ArrayBufferWriter<byte>();
        Assert.False(stream.Write(sent, ": ping\n"u8));
        Assert.False(stream.Write(sent, ": pi"u8));
        Assert.Equal(": ping\n", Encoding.UTF8.GetString(sent.WrittenSpan));
        Assert.True(stream.Write(sent, "ng\ndata: {\"choices\":[]}\n\n"u8));
    }

    public static TheoryData<string, bool, string> Surplus => new()
    {
        { Lines, true, "{\"response\":\"more\",\"done\":false}\n" },
        { Lines, true, "no JSON" },
        { Chat, false, "data: {\"choices\":[{\"delta\":{\"content\":\"more\"}}]}\n\n" },
        { Chat, false, "data: {\"error\":{\"message\":\"out of memory\"}}\n\n" },
        { Chat, false, "data: [DONE]\n\n" },
        { Chat, false, "more\n\n" },
        { Chat, false, "data: half" },
        { Messages, false, "event: content_block_delta\ndata: {\"type\":\"content_block_delta\"}\n\n" },
        { Responses, false, "data: {\"type\":\"response.output_text.delta\"}\n\n" },
    };

    [Theory]
    [MemberData(nameof(Surplus))]
    public void What_comes_behind_the_end_is_not_passed_on(string text, bool isLines, string more)
    {
        var (whole, bytes) = (Bytes(text), Bytes(text + more));
        for (var cut = whole.Length - 3; cut <= bytes.Length; cut++)
        {
            using var stream = new PassedStream(isLines, 1, remembers: true, new UsageReader());
            var sent = new ArrayBufferWriter<byte>();
            stream.Write(sent, bytes.AsSpan(0, cut));
            stream.Write(sent, bytes.AsSpan(cut));
            stream.Complete(sent, "n0");

            Assert.True(stream.HasSurplus);
            Assert.Equal(text.ReplaceLineEndings("\n"), Encoding.UTF8.GetString(sent.WrittenSpan));
        }
    }

    [Fact]
    public void However_long_it_is()
    {
        using var stream = new PassedStream(isLines: false, 1, remembers: false, new UsageReader());
        var sent = new ArrayBufferWriter<byte>();
        stream.Write(sent, Bytes(Chat));
        stream.Write(sent, "data: a"u8);
        stream.Write(sent, new byte[1 << 20]);
        stream.Write(sent, "rest\n\ndata: {}\n\n"u8);
        stream.Complete(sent, "n0");

        Assert.True(stream.HasSurplus);
        Assert.Equal(Bytes(Chat).Length, sent.WrittenCount);
    }

    [Fact]
    public void The_word_for_the_end_may_stand_behind_the_last_event_of_a_response_and_comments_anywhere()
    {
        const string More = ": bye\n\ndata: [DONE]\n\n: bye\n\n";
        using var stream = new PassedStream(isLines: false, 1, remembers: false, new UsageReader());
        var sent = new ArrayBufferWriter<byte>();
        stream.Write(sent, Bytes(Responses + More));
        stream.Complete(sent, "n0");

        Assert.False(stream.HasSurplus);
        Assert.Equal(Responses.ReplaceLineEndings("\n") + More, Encoding.UTF8.GetString(sent.WrittenSpan));
    }

    /// <summary>The same rule as where a stream is read and translated.</summary>
    [Theory]
    [InlineData("data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}", "\n\n")]
    [InlineData("data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n", "\n")]
    [InlineData("data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\r\n", "\n")]
    [InlineData("data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]", "\n\n")]
    [InlineData("data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]", null)]
    [InlineData("data: [DONE]", null)]
    [InlineData("data: [DONE]\n\n", null)]
    [InlineData("data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"\"}]}\n\ndata: [DONE]\n\n", null)]
    public void The_last_event_counts_without_its_empty_line_where_it_is_whole_and_the_word_for_the_end_is_no_reason(string end, string? added)
    {
        using var stream = new PassedStream(isLines: false, 1, remembers: false, new UsageReader());
        var sent = new ArrayBufferWriter<byte>();
        if (added is null)
        {
            Assert.Throws<EngineFailedException>(() =>
            {
                stream.Write(sent, Encoding.UTF8.GetBytes(end));
                stream.Complete(sent, "n0");
            });
            Assert.False(stream.BreakOff(sent));
            Assert.DoesNotContain("DONE", Encoding.UTF8.GetString(sent.WrittenSpan), StringComparison.Ordinal);
            return;
        }
        stream.Write(sent, Encoding.UTF8.GetBytes(end));
        stream.Complete(sent, "n0");
        Assert.Equal(end + added, Encoding.UTF8.GetString(sent.WrittenSpan));
    }

    [Fact]
    public void An_error_that_comes_in_two_parts_is_told_once()
    {
        const string Error = "data: {\"error\":{\"message\":\"out of memory\"}}\n\n";
        using var stream = new PassedStream(isLines: false, 1, remembers: false, new UsageReader());
        var sent = new ArrayBufferWriter<byte>();
        stream.Write(sent, Encoding.UTF8.GetBytes(Error[..9]));
        Assert.Throws<EngineFailedException>(() => stream.Write(sent, Encoding.UTF8.GetBytes(Error[9..])));

        Assert.True(stream.BreakOff(sent));
        Assert.Equal(Error, Encoding.UTF8.GetString(sent.WrittenSpan));
    }

    private static byte[] InForm(string text, string form)
    {
        text = text.ReplaceLineEndings("\n");
        return form switch
        {
            "crlf" => Bytes(text, "\r\n"),
            "cr" => Bytes(text, "\r"),
            "mark" => [0xEF, 0xBB, 0xBF, .. Bytes(text)],
            "comments" => Bytes(":\n: ping\n\n" + text.Replace("\n\n", "\n: ping\n\n:\n", StringComparison.Ordinal)),
            "no space" => Bytes(text.Replace("data: ", "data:", StringComparison.Ordinal)),
            "several lines" => Bytes(text.Replace(",\"", ",\ndata: \"", StringComparison.Ordinal).Replace("\":", "\":\ndata:", StringComparison.Ordinal)),
            "other fields" => Bytes("retry: 10\n\n" + text.Replace("data: ", "id: 1\nevent: message\nunknown: x\ndata: ", StringComparison.Ordinal)),
            _ => Bytes(text),
        };
    }

    private static byte[] Bytes(string text, string lineEnd = "\n") => Encoding.UTF8.GetBytes(text.ReplaceLineEndings(lineEnd));
}
