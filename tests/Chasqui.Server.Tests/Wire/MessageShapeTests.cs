using CsCheck;
using Google.Protobuf;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Server.Tests.Wire;

/// <summary>What is told of a message before it is parsed.</summary>
public sealed class MessageShapeTests
{
    [Fact]
    public void Its_own_fields_are_counted_and_not_those_within() => Gen.Select(Gen.Int[0, 300], Gen.String, Gen.Int).Sample((turns, text, seed) =>
    {
        var request = new Messages.ChatRequest { Model = "m", Common = new() { Options = new() { Seed = seed, Temperature = 0.5f } } };
        for (var i = 0; i < turns; i++)
            request.Messages.Add(new Messages.ChatMessage { Role = "user", Content = text });

        Assert.Equal(turns + 2, MessageShape.CountFields(request.ToByteArray()));
    });

    [Fact]
    public void A_message_that_is_cut_has_no_more_fields_than_the_whole()
    {
        var whole = new Messages.EmbedRequest { Model = "mini", Inputs = { "a", "b", new string('c', 300) }, NoTruncate = true, Dimensions = -1 }.ToByteArray();

        for (var length = 0; length <= whole.Length; length++)
            Assert.InRange(MessageShape.CountFields(whole.AsSpan(0, length)), 0, MessageShape.CountFields(whole));
    }

    [Fact]
    public void Any_bytes_have_a_count() => Gen.Byte.Array[0, 60].Sample(bytes => Assert.InRange(MessageShape.CountFields(bytes), 0, bytes.Length));
}
