namespace Chasqui.Gateway.Requests;

/// <summary>Where a body ceases to be a JSON object.</summary>
/// <param name="Line">The line, from 1.</param>
/// <param name="Position">The byte in it, from 1.</param>
/// <param name="Reason">What is wrong there.</param>
public readonly record struct JsonFault(long Line, long Position, string Reason)
{
    /// <summary>E.g. <c>line 1, byte 12: …</c>.</summary>
    public override string ToString() => FormattableString.Invariant($"line {Line}, byte {Position}: {Reason}");
}
