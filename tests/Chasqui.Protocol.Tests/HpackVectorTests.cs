using System.Buffers;
using System.Text.Json;
using Chasqui.Protocol.Headers;

namespace Chasqui.Protocol.Tests;

/// <summary>The header-compression vectors of the HTTP/2 community, with HTTP/2's own static table.</summary>
public sealed class HpackVectorTests
{
    public static TheoryData<string> Folders() => ["nghttp2", "nghttp2-change-table-size", "haskell-http2-linear-huffman"];

    [Theory]
    [MemberData(nameof(Folders))]
    public void Each_story_is_read_and_can_be_told_again(string folder)
    {
        var path = Repository.SharedData(Path.Combine("hpack", folder));
        Assert.SkipWhen(path is null, $"shared/data/hpack/{folder} is not there (set CHASQUI_SHARED_DATA)");
        var stories = Directory.GetFiles(path, "*.json");
        Assert.NotEmpty(stories);
        foreach (var story in stories)
        {
            using var document = JsonDocument.Parse(File.ReadAllText(story));
            var decoder = new HeaderDecoder(Http2Table.Instance, 65_536, 1 << 20);
            var encoder = new HeaderEncoder(Http2Table.Instance);
            var again = new HeaderDecoder(Http2Table.Instance, 4_096, 1 << 20);
            foreach (var block in document.RootElement.GetProperty("cases").EnumerateArray())
            {
                var expected = block.GetProperty("headers").EnumerateArray()
                    .Select(h => h.EnumerateObject().Single()).Select(p => (p.Name, p.Value.GetString()!)).ToArray();
                var list = new HeaderList();
                Assert.True(decoder.Decode(Convert.FromHexString(block.GetProperty("wire").GetString()!), list));
                Assert.Equal(expected, list.Select(f => (f.Name, f.Value)));

                var written = new ArrayBufferWriter<byte>();
                encoder.Encode(list.AsSpan(), written);
                var second = new HeaderList();
                Assert.True(again.Decode(written.WrittenSpan, second));
                Assert.Equal(expected, second.Select(f => (f.Name, f.Value)));
            }
        }
    }
}
