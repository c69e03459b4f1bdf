using System.Text;
using Chasqui.Engines.Http1;
using CsCheck;

namespace Chasqui.Engines.Tests.Http1;

public sealed class Http1ParserTests
{
    private const string Plain = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-A:  b \t\r\nContent-Length: 12\r\nConnection: keep-alive\r\nDate: now\r\n\r\n";
    private const string Body = "5\r\nHello\r\n1a;name=\"x\"\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\nX-Trailer: y\r\n\r\n";

    [Fact]
    public void A_head_is_read_without_what_concerns_the_connection()
    {
        var head = Parse(Plain);
        Assert.Equal((200, BodyFraming.Length, 12L, true), (head.Status, head.Framing, head.Length, head.KeepsAlive));
        Assert.Equal([new("Content-Type", "application/json"), new("X-A", "b")], head.Headers);
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\n\r\n", BodyFraming.Close, false)]
    [InlineData("HTTP/1.1 204\r\n\r\n", BodyFraming.None, false)]
    [InlineData("HTTP/1.1 304 \r\nContent-Length: 9\r\n\r\n", BodyFraming.None, false)]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", BodyFraming.None, true)]
    [InlineData("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", BodyFraming.Length, false)]
    [InlineData("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\n", BodyFraming.Length, true)]
    [InlineData("HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\nconnection: close\r\n\r\n", BodyFraming.Chunked, false)]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n", BodyFraming.Chunked, false)]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 7\r\nContent-Length: 7\r\n\r\n", BodyFraming.Length, true)]
    public void How_a_body_ends_and_whether_the_connection_goes_on(string text, object framing, bool keepsAlive)
    {
        var head = Parse(text);
        Assert.Equal(((BodyFraming)framing, keepsAlive), (head.Framing, head.KeepsAlive));
    }

    [Theory]
    [InlineData("HTTP/2 200 OK\r\n\r\n")]
    [InlineData("HTTP/1.1 2000 OK\r\n\r\n")]
    [InlineData("HTTP/1.1 099 OK\r\n\r\n")]
    [InlineData("ICY 200 OK\r\n\r\n")]
    [InlineData("\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nno colon\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\n: v\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nA : v\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nA: v\r\n folded\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nA b: v\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nA: v\nB: w\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nA: \0\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n")]
    public void What_is_no_head_is_refused(string text) => Assert.Throws<FormatException>(() => Parse(text));

    [Fact]
    public void More_headers_than_anybody_sends_are_refused()
    {
        Parse($"HTTP/1.1 200 OK\r\n{Many(100)}\r\n");
        Assert.Throws<FormatException>(() => Parse($"HTTP/1.1 200 OK\r\n{Many(101)}\r\n"));

        static string Many(int count) => string.Concat(Enumerable.Range(0, count).Select(i => $"X-{i}: v\r\n"));
    }

    [Fact]
    public void A_head_that_is_cut_anywhere_is_not_whole()
    {
        var bytes = Encoding.Latin1.GetBytes(Plain);
        for (var cut = 0; cut < bytes.Length; cut++)
            Assert.Equal(0, Http1Head.End(bytes.AsSpan(0, cut)));
        Assert.Equal(bytes.Length, Http1Head.End([.. bytes, .. "more"u8]));
    }

    [Fact]
    public void Heads_with_mutated_bytes_are_read_or_refused() => Mutated(Plain).Sample(bytes =>
    {
        var end = Http1Head.End(bytes);
        if (end == 0)
            return;
        try
        {
            var head = Http1Head.Parse(bytes.AsSpan(0, end), false);
            Assert.InRange(head.Status, 100, 999);
            Assert.All(head.Headers, h => Assert.DoesNotContain(h.Key + h.Value, c => c is '\r' or '\n' or '\0'));
        }
        catch (FormatException)
        {
        }
    });

    [Fact]
    public void Chunks_cut_at_every_byte_are_the_same_body()
    {
        var bytes = Encoding.Latin1.GetBytes(Body + "next");
        for (var cut = 0; cut <= bytes.Length; cut++)
        {
            var (body, taken, done) = Read(bytes, cut);
            Assert.True(done);
            Assert.Equal("Helloabcdefghijklmnopqrstuvwxyz", body);
            Assert.Equal(Body.Length, taken);
        }
        for (var end = 0; end < Body.Length; end++)
            Assert.False(Read(bytes[..end], end).Done);
    }

    [Theory]
    [InlineData("\r\n")]
    [InlineData("g\r\n")]
    [InlineData("-1\r\n")]
    [InlineData("0x5\r\nHello")]
    [InlineData("5\nHello")]
    [InlineData("5\r\nHello!\r\n")]
    [InlineData("fffffffffffffffff\r\n")]
    [InlineData(";x\r\n")]
    public void What_is_no_chunk_is_refused(string text) => Assert.Throws<FormatException>(() => Read(Encoding.Latin1.GetBytes(text), 0));

    [Theory]
    [InlineData("5;", 300)]
    [InlineData("0\r\nX: ", 9000)]
    public void Lines_without_end_are_refused(string begin, int length) =>
        Assert.Throws<FormatException>(() => Read(Encoding.Latin1.GetBytes(begin + new string('a', length)), 0));

    [Fact]
    public void Chunks_with_mutated_bytes_are_read_or_refused() =>
        Gen.Select(Mutated(Body), Gen.Int[0, 100]).Sample((bytes, cut) =>
        {
            try
            {
                var (body, taken, _) = Read(bytes, Math.Min(cut, bytes.Length));
                Assert.InRange(taken, 0, bytes.Length);
                Assert.InRange(body.Length, 0, bytes.Length);
            }
            catch (FormatException)
            {
            }
        });

    private static Gen<byte[]> Mutated(string text) =>
        Gen.Select(Gen.Int[0, text.Length - 1], Gen.Byte, Gen.Int[0, 2]).Array[1, 6].Select(changes =>
        {
            var bytes = Encoding.Latin1.GetBytes(text).ToList();
            foreach (var (at, value, how) in changes)
            {
                var place = Math.Min(at, bytes.Count - 1);
                if (how == 0)
                    bytes[place] = value;
                else if (how == 1)
                    bytes.Insert(place, value);
                else if (bytes.Count > 1)
                    bytes.RemoveAt(place);
            }
            return bytes.ToArray();
        });

    /// <summary>As they come in two parts.</summary>
    private static (string Body, int Taken, bool Done) Read(byte[] bytes, int cut)
    {
        var chunks = new Http1Chunks();
        var body = new StringBuilder();
        var at = 0;
        foreach (var end in (int[])[cut, bytes.Length])
        {
            for (var rounds = 0; at < end && !chunks.IsDone; rounds++)
            {
                Assert.True(rounds <= bytes.Length, "it goes round in circles");
                var range = chunks.Next(bytes.AsSpan(at, end - at), out var taken);
                body.Append(Encoding.Latin1.GetString(bytes.AsSpan(at, end - at)[range]));
                Assert.True(taken > 0 || chunks.IsDone);
                at += taken;
            }
        }
        return (body.ToString(), at, chunks.IsDone);
    }

    private static Http1Head Parse(string text) => Http1Head.Parse(Encoding.Latin1.GetBytes(text), false);
}
