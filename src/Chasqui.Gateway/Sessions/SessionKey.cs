using System.Buffers;
using System.Security.Cryptography;

namespace Chasqui.Gateway.Sessions;

/// <summary>Names a session: ids are unique within a tenant, and nobody sees those of another.</summary>
/// <param name="Tenant">Within whom it is seen: <see cref="Caller.Sharers"/>.</param>
/// <param name="Id">1 to 64 characters of a-z, 0-9, <c>-</c> and <c>_</c>.</param>
public readonly record struct SessionKey(string Tenant, string Id)
{
    /// <summary>Characters of an id, at most.</summary>
    public const int MaxLength = 64;

    private static readonly SearchValues<char> _allowed = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-_");

    /// <summary>Checks an id that somebody chose.</summary>
    /// <exception cref="InvalidRequestException">It is none; the message says what would be.</exception>
    public static SessionKey Of(string tenant, string id)
    {
        ArgumentNullException.ThrowIfNull(id);
        if (id.Length is 0 or > MaxLength || id.AsSpan().ContainsAnyExcept(_allowed))
            throw new InvalidRequestException($"session is \"{Shown(id)}\", but must be 1 to {MaxLength} characters of a-z 0-9 - _");
        return new SessionKey(tenant, id);
    }

    /// <summary>A new id that nobody can guess: 26 characters of a-z and 2-7.</summary>
    public static SessionKey New(string tenant) => new(tenant, "s-" + RandomNumberGenerator.GetString("abcdefghijklmnopqrstuvwxyz234567", 24));

    private static string Shown(string id) => id.Length <= MaxLength ? id : id[..MaxLength] + "…";
}
