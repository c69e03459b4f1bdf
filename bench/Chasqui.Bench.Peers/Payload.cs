namespace Chasqui.Bench.Peers;

/// <summary>What every peer sends.</summary>
internal static class Payload
{
    /// <summary>Bytes of a unary body.</summary>
    public const int BodyBytes = 128;

    /// <summary>Tokens of a stream that runs freely, before it is opened again.</summary>
    public const int FreeTokens = 1000;

    /// <summary>Ticks a second of the common pace.</summary>
    public const double Rate = 49;

    /// <summary>The model that the HTTP answers name.</summary>
    public const string Model = "llama3.2";

    /// <summary>A token of the streams that run freely: 24 bytes.</summary>
    public const string LongToken = " the relay of the Andes,";

    /// <summary>Tokens of the streams at the common pace, as models cut English text: 4.1 bytes in the mean.</summary>
    public static readonly string[] PacedTokens =
        ["The", " relay", " run", "ners", " of", " the", " Andes", " carried", " mess", "ages", " from", " post", " to", " post", ",", " day", " and", " night", ".", "\n"];

    /// <summary>A unary body of text, so that JSON can carry it as it is.</summary>
    public static readonly string Body = string.Concat(Enumerable.Repeat("Chasquis ran by day and by night.", 4))[..BodyBytes];
}
