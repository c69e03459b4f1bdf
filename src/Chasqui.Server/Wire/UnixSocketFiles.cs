using System.Net.Sockets;

namespace Chasqui.Server;

/// <summary>The files of Unix sockets: one that nobody listens on any more is replaced, a new one is its owner's alone.</summary>
internal static class UnixSocketFiles
{
    public static void RemoveStale(IReadOnlyList<WireListen> listens)
    {
        foreach (var path in listens.Select(l => l.UnixPath).OfType<string>().Where(File.Exists))
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                socket.Connect(new UnixDomainSocketEndPoint(path));
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
            {
                File.Delete(path);
            }
        }
    }

    public static void Restrict(IReadOnlyList<WireListen> listens)
    {
        if (OperatingSystem.IsWindows())
            return;
        foreach (var path in listens.Select(l => l.UnixPath).OfType<string>())
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }
}
