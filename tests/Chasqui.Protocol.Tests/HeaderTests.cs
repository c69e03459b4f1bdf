using System.Buffers;
using Chasqui.Protocol.Headers;
using CsCheck;

namespace Chasqui.Protocol.Tests;

/// <summary>Header blocks: both ends stay in step, whatever is sent, and a hostile sender costs no more than the limits say.</summary>
public sealed class HeaderTests
{
    private static readonly string[] _names = ["op", "status", "model", "x-a", "x-b", "authorization"];
    private static readonly string[] _values = ["generate", "200", "mini", ""];

    private static readonly Gen<HeaderField> _field =
        from name in Gen.Int[0, 5].Select(i => _names[i])
        from value in Gen.OneOf(Gen.Int[0, 3].Select(i => _values[i]), Gen.String[Gen.Char[' ', '~'], 0, 300], Gen.Const("héllo 世界"))
        from secret in Gen.Frequency((9, Gen.Const(false)), (1, Gen.Const(true)))
        select new HeaderField(name, value, secret);

    [Fact]
    public void Lists_arrive_as_they_were_sent() => Gen.Select(_field.Array[0, 12].Array[1, 20], Gen.Int[0, 2_000]).Sample((lists, size) =>
    {
        var encoder = new HeaderEncoder();
        var decoder = new HeaderDecoder();
        for (var i = 0; i < lists.Length; i++)
        {
            if (i == lists.Length / 2)
                encoder.SetMaxTableSize(size);
            var block = new ArrayBufferWriter<byte>();
            encoder.Encode(lists[i], block);
            var list = new HeaderList();
            Assert.True(decoder.Decode(block.WrittenSpan, list));
            Assert.Equal(lists[i], list);
        }
    }, iter: 300);

    [Fact]
    public void The_second_time_a_field_costs_a_byte()
    {
        var encoder = new HeaderEncoder();
        HeaderField[] fields = [new("op", "chat"), new("model", "llama3:8b"), new("x-team", "blue")];
        encoder.Encode(fields, new ArrayBufferWriter<byte>());
        var block = new ArrayBufferWriter<byte>();
        encoder.Encode(fields, block);
        Assert.Equal(3, block.WrittenCount);
    }

    [Fact]
    public void A_bomb_is_refused_and_the_connection_goes_on()
    {
        var encoder = new HeaderEncoder();
        var decoder = new HeaderDecoder(maxListSize: 16_384);
        var large = new HeaderField("x-large", new string('a', 1_900));
        var first = new ArrayBufferWriter<byte>();
        encoder.Encode([large], first);
        Assert.True(decoder.Decode(first.WrittenSpan, []));

        // A block of 20,000 bytes that means 40 MB.
        var bomb = new byte[20_000];
        var one = new ArrayBufferWriter<byte>();
        encoder.Encode([large], one);
        Assert.Equal(1, one.WrittenCount);
        Array.Fill(bomb, one.WrittenSpan[0]);
        var list = new HeaderList();
        Assert.False(decoder.Decode(bomb, list));
        Assert.True(list.Sum(f => f.Size) <= 16_384);

        var after = new HeaderList();
        Assert.True(decoder.Decode(one.WrittenSpan, after));
        Assert.Equal(large, Assert.Single(after));
    }

    [Fact]
    public void Known_fields_are_written_and_read_without_garbage()
    {
        var encoder = new HeaderEncoder();
        var decoder = new HeaderDecoder();
        HeaderField[] fields = [new("op", "generate"), new("model", "mini"), new("x-team", "blue")];
        var block = new ArrayBufferWriter<byte>(256);
        var list = new HeaderList();
        for (var i = 0; i < 100; i++)
            Round();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1_000; i++)
            Round();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Round()
        {
            block.ResetWrittenCount();
            list.Clear();
            encoder.Encode(fields, block);
            decoder.Decode(block.WrittenSpan, list);
        }
    }
}
