using System.Diagnostics;
using Chasqui.Protocol.Headers;

namespace Chasqui.Protocol.Tests;

/// <summary>Bytes of a hostile peer: each parser reads them or says which rule they break; nothing else comes out.</summary>
public sealed class FuzzTests(ITestOutputHelper output)
{
    private static readonly TimeSpan _time = TimeSpan.FromSeconds(2);

    [Fact]
    public void Frames_that_were_changed_at_random()
    {
        var frames = Repository.Vectors("frames.json").GetProperty("frames").EnumerateArray()
            .Select(v => Convert.FromHexString(v.GetProperty("hex").GetString()!)).Where(f => f.Length >= FrameHeader.Size).ToArray();
        Run(random => FrameText.Describe(Mutate(random, frames[random.Next(frames.Length)], FrameHeader.Size)));
    }

    [Fact]
    public void Header_blocks_that_were_changed_at_random()
    {
        var blocks = Repository.Vectors("headers.json").GetProperty("sequences").EnumerateArray()
            .SelectMany(v => v.GetProperty("blocks").EnumerateArray()).Select(b => Convert.FromHexString(b.GetProperty("hex").GetString()!)).ToArray();
        var decoder = new HeaderDecoder();
        Run(random =>
        {
            var list = new HeaderList();
            decoder.Decode(Mutate(random, blocks[random.Next(blocks.Length)], 0), list);
            Assert.True(list.Sum(f => f.Size) <= 16_384);
        });
    }

    private static byte[] Mutate(Random random, byte[] source, int minimum)
    {
        var bytes = source.ToList();
        for (var i = random.Next(6); i > 0 && bytes.Count > 0; i--)
        {
            switch (random.Next(4))
            {
                case 0: bytes[random.Next(bytes.Count)] = (byte)random.Next(256); break;
                case 1: bytes.Insert(random.Next(bytes.Count), (byte)random.Next(256)); break;
                case 2: bytes.RemoveAt(random.Next(bytes.Count)); break;
                default: bytes.AddRange(bytes[random.Next(bytes.Count)..]); break;
            }
        }

        while (bytes.Count < minimum)
            bytes.Add(0);
        return [.. bytes];
    }

    private void Run(Action<Random> parse)
    {
        var seed = Environment.TickCount;
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var watch = Stopwatch.StartNew();
        long read = 0, refused = 0;
        while (watch.Elapsed < _time)
        {
            try
            {
                parse(random);
                read++;
            }
            catch (ProtocolException)
            {
                refused++;
            }
        }

        output.WriteLine($"{read} read, {refused} refused");
        Assert.True(read > 0 && refused > 0);
    }
}
