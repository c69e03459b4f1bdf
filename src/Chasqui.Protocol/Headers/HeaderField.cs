using System.Text;

namespace Chasqui.Protocol.Headers;

/// <summary>One field.</summary>
/// <param name="Name">Lower-case ASCII.</param>
/// <param name="Value">Text without line breaks.</param>
/// <param name="Sensitive">A secret, which no table on the way may keep.</param>
public readonly record struct HeaderField(string Name, string Value, bool Sensitive = false)
{
    /// <summary>Bytes, as RFC 7541 section 4.1 counts them: name, value and 32.</summary>
    public int Size => Encoding.UTF8.GetByteCount(Name) + Encoding.UTF8.GetByteCount(Value) + Overhead;

    internal const int Overhead = 32;
}
