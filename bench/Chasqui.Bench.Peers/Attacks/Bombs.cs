using System.IO.Compression;
using System.Text;

namespace Chasqui.Bench.Peers.Attacks;

/// <summary>Small bodies that unpack to large ones.</summary>
internal static class Bombs
{
    private const int Unpacked = 80 << 20;

    private static readonly Lazy<(string Coding, byte[] Body)[]> _bodies = new(() =>
    [
        ("gzip", Pack(stream => new GZipStream(stream, CompressionLevel.Fastest))),
        ("deflate", Pack(stream => new ZLibStream(stream, CompressionLevel.Fastest))),
        ("br", Pack(stream => new BrotliStream(stream, CompressionLevel.Fastest))),
        ("zstd", Zstandard()),
        ("gzip, gzip", Twice()),
    ]);

    public static Task RunAsync(AttackRun run) => run.RepeatAsync(3, 50, async (_, random) =>
    {
        var (coding, body) = _bodies.Value[random.Next(_bodies.Value.Length)];
        using var content = new ByteArrayContent(body);
        content.Headers.TryAddWithoutValidation("Content-Type", "application/json");
        content.Headers.TryAddWithoutValidation("Content-Encoding", coding);
        await run.SendAsync(HttpMethod.Post, random.Next(2) == 0 ? "/api/chat" : "/v1/chat/completions", content);
    });

    private static byte[] Pack(Func<Stream, Stream> packer)
    {
        using var packed = new MemoryStream();
        using (var stream = packer(packed))
        {
            stream.Write(Encoding.ASCII.GetBytes("""{"model":"bench","messages":[{"role":"user","content":" """));
            var filler = Encoding.ASCII.GetBytes(new string('x', 1 << 20));
            for (var written = 0; written < Unpacked; written += filler.Length)
                stream.Write(filler);
        }
        return packed.ToArray();
    }

    private static byte[] Twice()
    {
        var once = Pack(stream => new GZipStream(stream, CompressionLevel.Fastest));
        using var packed = new MemoryStream();
        using (var stream = new GZipStream(packed, CompressionLevel.Fastest))
            stream.Write(once);
        return packed.ToArray();
    }

    // RFC 8878: a frame of blocks that are one byte repeated 128 KiB times, four bytes each.
    private static byte[] Zstandard()
    {
        const int Block = 128 << 10;
        var bytes = new List<byte> { 0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x38 };
        for (var written = 0; written < Unpacked; written += Block)
        {
            var header = (Block << 3) | (1 << 1) | (written + Block >= Unpacked ? 1 : 0);
            bytes.AddRange([(byte)header, (byte)(header >> 8), (byte)(header >> 16), (byte)' ']);
        }
        return [.. bytes];
    }
}
