using System.Security.Cryptography;
using System.Text;

namespace Chasqui.Gateway;

/// <summary>Within whom computed beginnings of prompts are shared: <see cref="GenerationRequest.PrefixScope"/>.</summary>
public static class PrefixScope
{
    private const int Bytes = 16;

    /// <summary>The scope of a caller's requests.</summary>
    /// <param name="caller">Who asks.</param>
    /// <param name="given">What the request says; null or empty for nothing. A gateway says so which of its own callers asks. Whatever it
    /// says, it only divides what the caller shares.</param>
    /// <returns>A name of 32 characters from which no tenant can be read; null for all callers without a key.</returns>
    public static string? Of(Caller caller, string? given)
    {
        ArgumentNullException.ThrowIfNull(caller);
        if (string.IsNullOrEmpty(given) && ReferenceEquals(caller, Caller.Anonymous))
            return null;
        // The length keeps apart where one text ends and the other begins. A gateway that is started again, and one beside it, make the
        // same names.
        var text = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{caller.Sharers.Length}:{caller.Sharers}{given}");
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, Bytes));
    }
}
