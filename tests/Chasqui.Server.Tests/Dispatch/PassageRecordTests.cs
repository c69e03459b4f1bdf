using System.Buffers;
using System.Text;

namespace Chasqui.Server.Tests.Dispatch;

/// <summary>What is passed on and remembered of an answer, however it is cut into parts.</summary>
public sealed class PassageRecordTests
{
    private static readonly byte[] _lines = Encoding.UTF8.GetBytes("""
        {"response":"Once é","done":false}
        {"response":" upon","done":false}
        {"response":"","done":true}

        """.ReplaceLineEndings("\n"));

    [Fact]
    public void Wherever_it_is_cut_whole_lines_alone_go_on_and_in_the_end_all_of_it()
    {
        for (var first = 0; first <= _lines.Length; first++)
        {
            for (var second = first; second <= _lines.Length; second++)
            {
                using var record = new PassageRecord("\n"u8.ToArray());
                var sent = new ArrayBufferWriter<byte>();
                foreach (var part in new[] { _lines.AsMemory(0, first), _lines.AsMemory(first, second - first), _lines.AsMemory(second) })
                {
                    record.Write(sent, part.Span);
                    Assert.True(sent.WrittenCount == 0 || sent.WrittenSpan[^1] == (byte)'\n');
                    Assert.True(record.Sent!.Value.Span.SequenceEqual(sent.WrittenSpan));
                }
                record.Complete(sent, "n0");
                Assert.True(_lines.AsSpan().SequenceEqual(sent.WrittenSpan));
            }
        }
    }

    [Fact]
    public void An_answer_without_an_end_or_with_an_error_for_its_end_has_failed_and_nobody_hears_the_error()
    {
        var end = _lines.AsSpan().LastIndexOf("{\"response\":\"\""u8);
        using var cut = new PassageRecord("\n"u8.ToArray());
        var sent = new ArrayBufferWriter<byte>();
        cut.Write(sent, _lines.AsSpan(0, end));
        Assert.Contains("n0", Assert.Throws<EngineFailedException>(() => cut.Complete(sent, "n0")).Message, StringComparison.Ordinal);

        cut.Write(sent, "{\"error\":\"out of memory\"}\n"u8);
        Assert.Equal("out of memory", Assert.Throws<EngineFailedException>(() => cut.Complete(sent, "n0")).Message);
        Assert.True(_lines.AsSpan(0, end).SequenceEqual(sent.WrittenSpan));
    }

    [Fact]
    public void What_is_too_long_or_has_other_ends_of_lines_goes_on_as_it_comes_and_is_not_remembered()
    {
        foreach (var part in new[] { new byte[600_000], "data: x\r\n"u8.ToArray() })
        {
            using var record = new PassageRecord("\n\n"u8.ToArray());
            var sent = new ArrayBufferWriter<byte>();
            record.Write(sent, "data: a"u8);
            record.Write(sent, part);
            record.Write(sent, "rest"u8);
            record.Complete(sent, "n0");
            Assert.Null(record.Sent);
            Assert.Equal(7 + part.Length + 4, sent.WrittenCount);
        }
    }
}
