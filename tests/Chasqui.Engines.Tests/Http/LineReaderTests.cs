using System.Text;
using Chasqui.Engines.Http;
using CsCheck;

namespace Chasqui.Engines.Tests.Http;

/// <summary>Lines and events come out the same wherever the network cuts the bytes, and are bounded.</summary>
public sealed class LineReaderTests
{
    private const int Bound = 20_000;

    private static readonly Gen<string> _line = Gen.Frequency(
        (6, Gen.String[Gen.Char[" !abcß€{}\":,"], 0, 30]), (1, Gen.Int[4_000, 6_000].Select(n => new string('x', n))));

    [Fact]
    public async Task Lines_cut_at_every_byte()
    {
        var bytes = "{\"a\":1}\n\r\n{\"b\":\"ß\"}\r\nlast"u8.ToArray();
        for (var cut = 0; cut <= bytes.Length; cut++)
            Assert.Equal([("{\"a\":1}", true), ("", true), ("{\"b\":\"ß\"}", true), ("last", false)], await LinesAsync(bytes, [cut]));
        Assert.Equal(4, (await LinesAsync(bytes, Enumerable.Range(0, bytes.Length))).Count);
    }

    [Fact]
    public Task Lines_of_any_length_cut_anywhere() =>
        Gen.Select(_line.List[0, 12], Gen.Int[0, 40_000].List[0, 20], Gen.Bool).SampleAsync(async (lines, cuts, ended) =>
        {
            var text = string.Join('\n', lines) + (ended ? "\n" : "");
            var expected = text.Split('\n').ToList();
            // What follows the last line feed is a line only if there is something.
            if (expected[^1].Length == 0)
                expected.RemoveAt(expected.Count - 1);
            var read = await LinesAsync(Encoding.UTF8.GetBytes(text), cuts);
            Assert.Equal(expected, read.Select(l => l.Text));
            Assert.All(read.SkipLast(1), l => Assert.True(l.IsWhole));
        }, iter: 200);

    [Fact]
    public async Task A_line_as_long_as_the_bound_is_taken_and_a_longer_one_is_not()
    {
        var fits = Encoding.UTF8.GetBytes(new string('x', Bound) + "\n");
        Assert.Equal(Bound, Assert.Single(await LinesAsync(fits, [])).Text.Length);
        foreach (var end in (string[])["\n", ""])
        {
            var long1 = Encoding.UTF8.GetBytes(new string('x', Bound + 1) + end);
            Assert.Contains($"{Bound}", (await Assert.ThrowsAsync<LineTooLongException>(() => LinesAsync(long1, []))).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Events_cut_at_every_byte()
    {
        var bytes = ": hello\n\ndata: {\"a\":1}\n\nid: 3\nevent: x\r\ndata:two\r\ndata: lines\r\n\r\n\ndata\n\nerror: {\"m\":1}\n\ndata: cut off"u8.ToArray();
        for (var cut = 0; cut <= bytes.Length; cut++)
            Assert.Equal([("{\"a\":1}", false), ("two\nlines", false), ("", false), ("{\"m\":1}", true)], await EventsAsync(bytes, [cut]));
    }

    [Theory]
    [InlineData("\uFEFFdata: a\n\ndata: b\n\n")]
    [InlineData("data:a\r\rdata:b\r\r")]
    [InlineData("data: a\r\n\r\ndata: b\r\n\r\n")]
    [InlineData("data: a\r\n\ndata: b\n\r\n")]
    [InlineData("\uFEFF\n\n:\n: x\n\n\ndata: a\nid: 1\nretry: 5\nevent: e\n: x\n\nretry: 3\n\nother: x\ndatax: y\ndata:b\n\ndata: cut")]
    public async Task Every_form_of_events_cut_at_every_byte(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        for (var cut = 0; cut <= bytes.Length; cut++)
            Assert.Equal([("a", false), ("b", false)], await EventsAsync(bytes, [cut]));
        Assert.Equal([("a", false), ("b", false)], await EventsAsync(bytes, Enumerable.Range(0, bytes.Length)));
    }

    [Fact]
    public async Task Comments_without_end_are_no_event_that_is_too_long()
    {
        var bytes = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(": ping\n", Bound)) + "data: a\n\n");
        Assert.Equal([("a", false)], await EventsAsync(bytes, []));
    }

    [Fact]
    public Task Events_of_any_length_cut_anywhere() =>
        Gen.Select(_line.List[1, 3].List[0, 8], Gen.Int[0, 40_000].List[0, 20], Gen.Bool).SampleAsync(async (events, cuts, crlf) =>
        {
            var end = crlf ? "\r\n" : "\n";
            var text = string.Concat(events.Select(lines => string.Concat(lines.Select(l => $"data: {l}{end}: ping{end}")) + end));
            var read = await EventsAsync(Encoding.UTF8.GetBytes(text), cuts);
            Assert.Equal(events.Select(lines => string.Join('\n', lines)), read.Select(e => e.Data));
        }, iter: 200);

    [Fact]
    public async Task An_event_of_many_lines_is_bounded_as_a_whole()
    {
        var bytes = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("data: " + new string('x', 1_000) + "\n", 30)) + "\n");
        await Assert.ThrowsAsync<LineTooLongException>(() => EventsAsync(bytes, []));
    }

    private static async Task<List<(string Text, bool IsWhole)>> LinesAsync(byte[] bytes, IEnumerable<int> cuts)
    {
        using var reader = new LineReader(new CutStream(bytes, cuts), Bound);
        var lines = new List<(string, bool)>();
        while (await reader.ReadAsync(CancellationToken.None))
            lines.Add((Encoding.UTF8.GetString(reader.Line.Span), reader.IsWhole));
        return lines;
    }

    private static async Task<List<(string Data, bool IsError)>> EventsAsync(byte[] bytes, IEnumerable<int> cuts)
    {
        using var reader = new SseReader(new CutStream(bytes, cuts), Bound);
        var events = new List<(string, bool)>();
        while (await reader.ReadAsync(CancellationToken.None))
            events.Add((Encoding.UTF8.GetString(reader.Data.Span), reader.IsError));
        return events;
    }
}
