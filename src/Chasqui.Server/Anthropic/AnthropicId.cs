using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>Names of answers and requests: a prefix and 24 hexadecimal digits.</summary>
internal static class AnthropicId
{
    /// <summary>The header by which Anthropic's clients tell a request's name.</summary>
    public const string Header = "request-id";

    private static readonly object _key = new();

    public static string New(string prefix) => prefix + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(12));

    /// <summary>The name of this request, the same each time.</summary>
    public static string OfRequest(HttpContext http)
    {
        if (http.Items[_key] is string known)
            return known;
        var made = New("req_");
        http.Items[_key] = made;
        return made;
    }
}
