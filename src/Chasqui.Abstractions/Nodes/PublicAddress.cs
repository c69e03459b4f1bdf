using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Chasqui;

/// <summary>Addresses of the public internet, and those that are not: private, of this machine, of its link, shared by a carrier, for many at once, or reserved.</summary>
public static class PublicAddress
{
    private const int V4Bytes = 4;
    private const int V6Bytes = 16;

    // Base address and length of the prefix of what is not public (RFC 6890 and its successors).
    private static readonly (uint Base, int Length)[] _reserved =
    [
        (0x00000000, 8), (0x0A000000, 8), (0x64400000, 10), (0x7F000000, 8), (0xA9FE0000, 16), (0xAC100000, 12), (0xC0000000, 24), (0xC0000200, 24),
        (0xC0586300, 24), (0xC0A80000, 16), (0xC6120000, 15), (0xC6336400, 24), (0xCB007100, 24), (0xE0000000, 4), (0xF0000000, 4),
    ];

    // Azure tells about a machine on an address that looks public; the other clouds do so on reserved ones.
    private const uint AzureMetadata = 0xA83F8110;

    /// <summary>Whether the address is one of the public internet. An IPv4 address inside of an IPv6 one is judged as itself.</summary>
    /// <param name="address">The address.</param>
    public static bool Is(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (address.AddressFamily == AddressFamily.InterNetwork)
        {
            Span<byte> four = stackalloc byte[V4Bytes];
            return address.TryWriteBytes(four, out _) && IsPublic(BinaryPrimitives.ReadUInt32BigEndian(four));
        }
        Span<byte> bytes = stackalloc byte[V6Bytes];
        return address.AddressFamily == AddressFamily.InterNetworkV6 && address.TryWriteBytes(bytes, out _) && IsPublic(bytes);
    }

    private static bool IsPublic(uint address)
    {
        foreach (var (start, length) in _reserved)
        {
            if ((address ^ start) >> (32 - length) == 0)
                return false;
        }
        return address != AzureMetadata;
    }

    private static bool IsPublic(ReadOnlySpan<byte> bytes)
    {
        // ::ffff:0:0/96 is IPv4 in other clothes, and 64:ff9b::/96 is IPv4 behind a translator.
        ReadOnlySpan<byte> mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF];
        ReadOnlySpan<byte> translated = [0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0];
        var tail = BinaryPrimitives.ReadUInt32BigEndian(bytes[12..]);
        if (bytes[..12].SequenceEqual(mapped) || bytes[..12].SequenceEqual(translated))
            return IsPublic(tail);
        // 2002::/16, 6to4, has the IPv4 address behind its prefix.
        if (bytes is [0x20, 0x02, ..])
            return IsPublic(BinaryPrimitives.ReadUInt32BigEndian(bytes[2..]));
        // Of 2000::/3, which is all that is given out, 2001::/23 (Teredo and others) and 2001:db8::/32 (documentation) are no hosts of the internet.
        return bytes[0] >> 5 == 1
            && !(bytes is [0x20, 0x01, < 2, ..])
            && !(bytes is [0x20, 0x01, 0x0D, 0xB8, ..]);
    }
}
