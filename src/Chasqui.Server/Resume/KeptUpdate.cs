namespace Chasqui.Server;

/// <summary>One update of a generation that is kept, as the message that is sent.</summary>
/// <param name="Message">The message.</param>
/// <param name="IsLast">Whether it has the result.</param>
/// <param name="Tokens">About how many tokens of the answer there are up to its end.</param>
internal readonly record struct KeptUpdate(ReadOnlyMemory<byte> Message, bool IsLast, int Tokens)
{
    // Objects beside the bytes.
    private const int Overhead = 64;

    public static int SizeOf(KeptUpdate update) => update.Message.Length + Overhead;
}
