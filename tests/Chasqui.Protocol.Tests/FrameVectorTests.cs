using System.Buffers;
using System.Text.Json;

namespace Chasqui.Protocol.Tests;

/// <summary>docs/protocol/frames.json, read and written.</summary>
public sealed class FrameVectorTests
{
    private static readonly JsonElement[] _all = [.. Repository.Vectors("frames.json").GetProperty("frames").EnumerateArray()];

    public static TheoryData<string> Good() => [.. _all.Where(v => !v.TryGetProperty("error", out _)).Select(v => v.GetProperty("name").GetString()!)];

    public static TheoryData<string> Bad() => [.. _all.Where(v => v.TryGetProperty("error", out _)).Select(v => v.GetProperty("name").GetString()!)];

    [Theory]
    [MemberData(nameof(Good))]
    public void A_frame_says_what_the_vector_says(string name)
    {
        var vector = Vector(name);
        Assert.Equal(Expected(vector), FrameText.Describe(Bytes(vector)));
    }

    [Theory]
    [MemberData(nameof(Bad))]
    public void A_wrong_frame_has_its_documented_error(string name)
    {
        var vector = Vector(name);
        var error = Assert.Throws<ProtocolException>(() => FrameText.Describe(Bytes(vector)));
        Assert.Equal(Repository.Code(vector.GetProperty("error").GetString()!), error.Code);
        Assert.NotEqual("", error.Reason);
    }

    [Theory]
    [MemberData(nameof(Good))]
    public void Its_payload_cut_at_every_byte_is_read_or_refused_and_nothing_else(string name)
    {
        var bytes = Bytes(Vector(name));
        for (var length = FrameHeader.Size; length < bytes.Length; length++)
        {
            try
            {
                FrameText.Describe(bytes[..length]);
            }
            catch (ProtocolException e)
            {
                Assert.True(e.Code is ErrorCode.ProtocolError, e.Message);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Good))]
    public void A_header_is_written_as_it_was_read(string name)
    {
        var bytes = Bytes(Vector(name));
        var header = FrameHeader.Read(bytes);
        var written = new byte[FrameHeader.Size];
        FrameHeader.Write(written, header.Type, (int)header.PayloadLength, header.Stream);

        Assert.Equal(bytes[..14], written[..14]);
        Assert.Equal(bytes.Length - FrameHeader.Size, (int)header.PayloadLength);
    }

    [Fact]
    public void A_hello_is_written_as_it_was_read()
    {
        foreach (var vector in _all.Where(v => v.TryGetProperty("settings", out _)))
        {
            var settings = Settings.Read(Bytes(vector).AsSpan(FrameHeader.Size));
            var again = new ArrayBufferWriter<byte>();
            settings.Write(again);
            Assert.Equal(settings, Settings.Read(again.WrittenSpan));
        }
    }

    private static JsonElement Vector(string name) => _all.Single(v => v.GetProperty("name").GetString() == name);

    private static byte[] Bytes(JsonElement vector) => Convert.FromHexString(vector.GetProperty("hex").GetString()!);

    private static string Expected(JsonElement vector) => FrameText.Describe(vector);
}
